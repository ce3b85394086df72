-- Every request is the same: the one of the command line.
-- Argument: after how many answers it ends, if its time is not over before; left out, it takes all of its time.
local here = debug.getinfo(1, 'S').source:match('^@(.*/)')
dofile(here .. 'report.lua')

function init(arguments)
  local most = tonumber(arguments[1])
  if most ~= nil then dofile(here .. 'stop.lua')(most) end
end
