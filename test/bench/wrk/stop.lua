-- A function that ends wrk after so many answers, as Ctrl-C does: wrk ends early, and reports. It counts in `response`, which
-- takes a little time of each answer.
local ffi = require('ffi')
ffi.cdef('int getpid(void); int kill(int process, int signal);')

local interrupt = 2

return function(most)
  local answered = 0
  function response()
    answered = answered + 1
    if answered == most then ffi.C.kill(ffi.C.getpid(), interrupt) end
  end
end
