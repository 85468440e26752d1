"""The real aws command with a shared start: its imports are loaded once, not at each of two thousand calls. Each call
is a fork of this process, which runs the aws command with the caller's arguments, environment, folder and standard
streams.

    aws.py FILE SOCKET     FILE: the aws command; runs until its standard input ends
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


def call(file: str, caller: socket.socket, added: dict) -> None:
    """Runs one call, in a process of its own, and sends its exit code; test/aws.ts has the other end."""
    head, fds, _, _ = socket.recv_fds(caller, 4, 3)
    (length,) = struct.unpack("=I", head)
    args, environment, folder, mask = marshal.loads(caller.recv(length, socket.MSG_WAITALL))
    # This process ends with its caller: by SIGIO.
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(caller, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(caller, fcntl.F_SETFL, fcntl.fcntl(caller, fcntl.F_GETFL) | os.O_ASYNC)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(folder)
    os.umask(mask)
    os.environb.clear()
    os.environb.update({**environment, **added})
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    caller.send(bytes([aws(file, args)]))


def main(file: str, path: str) -> None:
    # No process lives long enough for garbage collection to matter.
    gc.disable()
    before = dict(os.environb)
    # Loads what is imported only at a call. Nothing listens at that address.
    aws(file, ["sts", "get-caller-identity", "--endpoint-url", "http://127.0.0.1:1"])
    # awscli sets the path of its data in the environment when it is imported.
    added = {name: value for name, value in os.environb.items() if before.get(name) != value}
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
                call(file, caller, added)
            finally:
                os._exit(0)
        caller.close()


main(*sys.argv[1:])
