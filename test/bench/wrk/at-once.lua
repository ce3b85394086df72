-- One request on each connection, all at the same moment: when the connections have been open for a while.
-- Arguments: the number of connections; `stop`, to end with the last answer: being told of each takes a little time.
-- The last line also says how long the slowest of them waited, in microseconds, and how many were opened too late.
local here = debug.getinfo(1, 'S').source:match('^@(.*/)')
dofile(here .. 'report.lua')
local ffi = require('ffi')
ffi.cdef('typedef struct { long seconds, nanoseconds; } moment; int clock_gettime(int clock, moment *now);')

local monotonic = 1
local opening = 1000 -- milliseconds
local early = 5 -- wrk's timers count in whole milliseconds of another clock
local forever = 3600e3

local connections, begins
local asked = 0

late = 0 -- global, so that the one thread's can be asked for at the end
local thread

function setup(the)
  thread = the
end

local function now()
  local moment = ffi.new('moment')
  ffi.C.clock_gettime(monotonic, moment)
  return tonumber(moment.seconds) * 1e3 + tonumber(moment.nanoseconds) / 1e6
end

function init(arguments)
  connections = tonumber(arguments[1])
  begins = now() + opening
  if arguments[2] == 'stop' then dofile(here .. 'stop.lua')(connections) end
end

-- Asked for each connection before its first request, and then before its second, which nobody wants.
function delay()
  asked = asked + 1
  if asked > connections then return forever end
  local rest = begins - now()
  if rest > early then return math.ceil(rest) end
  late = late + 1
  return 0
end

function done(summary, latency)
  report(summary, string.format(',"slowest":%d,"late":%d', latency.max, thread:get('late')))
end
