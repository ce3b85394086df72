-- One request on each connection, all at the same moment: when the connections have been open for a while.
-- The last line says how long the slowest of them waited, in microseconds.
local ffi = require('ffi')
ffi.cdef('typedef struct { long seconds, nanoseconds; } moment; int clock_gettime(int clock, moment *now);')

local monotonic = 1
local opening = 1000 -- milliseconds
local early = 5 -- wrk's timers count in whole milliseconds of another clock
local forever = 3600e3

local begins

local function now()
  local moment = ffi.new('moment')
  ffi.C.clock_gettime(monotonic, moment)
  return tonumber(moment.seconds) * 1e3 + tonumber(moment.nanoseconds) / 1e6
end

function init()
  begins = now() + opening
end

-- Asked for each connection before its first request, and then before its second, which nobody wants: an answer may be
-- there a moment before its time.
function delay()
  local rest = begins - now()
  return rest > early and math.ceil(rest) or forever
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"slowest":%d,"refused":%d,"broken":%d}\n', summary.requests, latency.max,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
