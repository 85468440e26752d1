"""The real aws command with a shared start: its modules, commands and descriptions of services are loaded once, not at
each of two thousand calls. Each call is a fork of this process, which runs the aws command with the caller's arguments,
environment, folder and standard streams.

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

# Those that the runbook and its tests call, as the command and botocore name them.
SERVICES = {name: name for name in ("acm", "ecr", "eks", "elbv2", "iam", "kms", "route53", "sts")} | {"s3api": "s3"}
DESCRIPTIONS = ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2")

# What start reads: a call that differs in them from this process starts by itself.
READ_AT_START = (b"AWS_CONFIG_FILE", b"AWS_SHARED_CREDENTIALS_FILE", b"AWS_PROFILE", b"AWS_DEFAULT_PROFILE", b"AWS_DATA_PATH")


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


def start():
    """What the command does before it reads its arguments, for the services that are called here; answers the driver."""
    import awscli.clidriver
    from botocore.exceptions import DataNotFoundError

    driver = awscli.clidriver.create_clidriver()
    driver._get_argument_table()
    commands = driver._get_command_table()
    loader = driver.session.get_component("data_loader")
    for command, service in SERVICES.items():
        commands[command]._get_command_table()
        for description in DESCRIPTIONS:
            try:
                loader.load_service_model(service, description)
            except DataNotFoundError:
                pass  # Not every service has waiters.
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)
    return driver


def call(file: str, caller: socket.socket, started_with: dict, added: dict, driver) -> None:
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
    if all(environment.get(name) == started_with.get(name) for name in READ_AT_START):
        sys.modules["awscli.clidriver"].create_clidriver = lambda: driver
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
    started_with = dict(os.environb)
    # Loads what is imported only at a call. Nothing listens at that address.
    aws(file, ["sts", "get-caller-identity", "--endpoint-url", "http://127.0.0.1:1"])
    # awscli sets the path of its data in the environment when it is imported.
    added = {name: value for name, value in os.environb.items() if started_with.get(name) != value}
    driver = start()
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
                call(file, caller, started_with, added, driver)
            finally:
                os._exit(0)
        caller.close()


main(*sys.argv[1:])
