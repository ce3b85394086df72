-- Loaded by every script: the last line that wrk prints is what it counted, as JSON.

-- more: what a script has counted besides, as members of the object, each with its comma.
function report(summary, more)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%f,"refused":%d,"broken":%d%s}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, more))
end

function done(summary)
  report(summary, '')
end
