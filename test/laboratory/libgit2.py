"""Clones by libgit2, which knows nothing of git's own program: URL DIRECTORY USER PASSWORD.

Prints the commit it has cloned; or, on standard error, why it has not, and exits with 1. Like most programs
on libgit2 it answers every question for a password in the same way.
"""

import sys

import pygit2


class SameAnswerEveryTime(pygit2.RemoteCallbacks):
    def credentials(self, url, username_from_url, allowed_types):
        return pygit2.UserPass(sys.argv[3], sys.argv[4])


try:
    clone = pygit2.clone_repository(sys.argv[1], sys.argv[2], callbacks=SameAnswerEveryTime())
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
print(clone.head.target)
