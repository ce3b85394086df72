-- Every request is the same: the one of the command line.
dofile(debug.getinfo(1, 'S').source:match('^@(.*/)') .. 'report.lua')
