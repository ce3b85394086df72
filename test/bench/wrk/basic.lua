-- The Authorization header of a user name and a password.

local alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
local bit = require('bit')

local function letter(number)
  return alphabet:sub(number + 1, number + 1)
end

local function base64(text)
  local out = {}
  for at = 1, #text, 3 do
    local one, two, three = text:byte(at, at + 2)
    local group = one * 65536 + (two or 0) * 256 + (three or 0)
    out[#out + 1] = letter(bit.rshift(group, 18))
    out[#out + 1] = letter(bit.band(bit.rshift(group, 12), 63))
    out[#out + 1] = two and letter(bit.band(bit.rshift(group, 6), 63)) or '='
    out[#out + 1] = three and letter(bit.band(group, 63)) or '='
  end
  return table.concat(out)
end

function basic(user, password)
  return 'Basic ' .. base64(user .. ':' .. password)
end
