"""The real aws command with its start shared: what it imports is paid for once and not at each of two thousand
calls. Each call is a fork of this process, which runs the very file that PATH leads to, with the caller's arguments,
environment, folder and standard files.

    aws.py FILE SOCKET     FILE: the aws command; it runs until its standard input ends
"""

import fcntl
import gc
import marshal
import os
import runpy
import select
import signal
import socket
import struct
import sys
import traceback


def aws(file: str, args: list) -> int:
    """Runs the file as Python runs a script."""
    sys.argv = [file, *args]
    try:
        runpy.run_path(file, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def call(file: str, caller: socket.socket, made: dict) -> None:
    """One call, in a process of its own: what the caller sends, see test/aws.ts, and back its exit code."""
    head, fds, _, _ = socket.recv_fds(caller, 4, 3)
    (length,) = struct.unpack("=I", head)
    args, environment, folder, mask = marshal.loads(caller.recv(length, socket.MSG_WAITALL))
    # When the caller dies, so does this process: of SIGIO.
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(caller, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(caller, fcntl.F_SETFL, fcntl.fcntl(caller, fcntl.F_GETFL) | os.O_ASYNC)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(folder)
    os.umask(mask)
    os.environb.clear()
    os.environb.update({**environment, **made})
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    caller.send(bytes([aws(file, args)]))


def main(file: str, path: str) -> None:
    # Nothing lives long enough for cycles to matter.
    gc.disable()
    before = dict(os.environb)
    # What is imported only when a call is made. Nobody answers there.
    aws(file, ["sts", "get-caller-identity", "--endpoint-url", "http://127.0.0.1:1"])
    # awscli tells itself in the environment where its data is, when it is imported.
    made = {name: value for name, value in os.environb.items() if before.get(name) != value}
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(100)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        if 0 in ready:
            return
        caller, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            try:
                call(file, caller, made)
            finally:
                os._exit(0)
        caller.close()


main(*sys.argv[1:])
