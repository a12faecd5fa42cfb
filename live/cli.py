"""The entry of the command line: everything is loaded where Ctrl-C is caught."""

import os
import sys

INTERRUPTED = 130  # what a shell expects of a command that Ctrl-C ended
UNREAD = 1


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code.

    0, 1 for a performance that failed, 2 for a mistake of the user, 130 for Ctrl-C; each said in one line.
    """
    code = UNREAD
    try:
        try:
            from live.commands import answer

            code = answer(arguments)
        except KeyboardInterrupt as interrupt:
            print("; ".join(("live: interrupted", *interrupt.args)), file=sys.stderr)
            code = INTERRUPTED
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read has had enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more as it ends
    return code


if __name__ == "__main__":
    sys.exit(main())
