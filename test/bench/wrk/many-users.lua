-- Each request comes from the next of many users, all with one password.
-- Arguments: the password, the number of the first user, how many there are before it begins again at 0.
local here = debug.getinfo(1, 'S').source:match('^@(.*/)')
dofile(here .. 'report.lua')
dofile(here .. 'basic.lua')

local password, user, users

function init(args)
  password, user, users = args[1], tonumber(args[2]), tonumber(args[3])
end

function request()
  local name = string.format('user%07d@example.com', user % users)
  user = user + 1
  return wrk.format(nil, nil, { Authorization = basic(name, password), Host = wrk.headers.Host })
end
