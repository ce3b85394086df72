-- Each request guesses another generated password: the prefix and 28 letters and digits.
-- Argument: the user name.
local here = debug.getinfo(1, 'S').source:match('^@(.*/)')
dofile(here .. 'report.lua')
dofile(here .. 'basic.lua')

local alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
local user

local function guess()
  local letters = { 'agp_' }
  for _ = 1, 28 do
    local at = math.random(#alphabet)
    letters[#letters + 1] = alphabet:sub(at, at)
  end
  return table.concat(letters)
end

function init(args)
  user = args[1]
  math.randomseed(os.time())
end

function request()
  return wrk.format(nil, nil, { Authorization = basic(user, guess()), Host = wrk.headers.Host })
end
