import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../lib/base/paths.ts'
import { onPath } from '../lib/base/shell.ts'
import { awsEnvironment } from '../lib/rehearsal/aws.ts'
import { probe } from '../lib/rehearsal/probe.ts'

// Imported by Python before any program: prints which file is executed, through whatever wrapper PATH has.
const FIND_FILE = `import json, os, sys
print(json.dumps({"python": sys.executable, "file": sys.orig_argv[-2]}), flush=True)
os._exit(0)
`

// Nothing but built-in modules, and without site packages, so that Python starts at once.
const client = (python: string, socket: string, plain: string) => `#!${python} -IS
import _signal, _socket, marshal, posix, sys
_signal.signal(_signal.SIGINT, _signal.SIG_DFL)
server = _socket.socket(_socket.AF_UNIX)
try:
    server.connect(${JSON.stringify(socket)})
except OSError:
    posix.execv(${JSON.stringify(plain)}, ["aws", *sys.argv[1:]])
mask = posix.umask(0)
posix.umask(mask)
call = marshal.dumps((sys.argv[1:], posix.environ, posix.getcwdb(), mask))
number = lambda n: n.to_bytes(4, sys.byteorder)
server.sendmsg([number(len(call))], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, number(0) + number(1) + number(2))])
server.sendall(call)
code = server.recv(1)
posix._exit(code[0] if code else 137)
`

/**
 * Starts the server of aws.py; answers the folder with its `aws`, for the front of PATH, and a function that ends it.
 * Undefined where aws is not a Python program that can be shared, such as version 2: it is then started as it is, which
 * is only slower.
 */
export async function shareAws(folder: string, env: NodeJS.ProcessEnv, print: (text: string) => void) {
  const plain = onPath('aws')
  if (!plain) return
  const bin = join(folder, 'aws')
  const findFile = join(folder, 'find-file')
  const socket = join(folder, 'aws.sock')
  for (const path of [bin, findFile]) mkdirSync(path)
  writeFileSync(join(findFile, 'sitecustomize.py'), FIND_FILE)
  const { stdout } = await probe(plain, ['--version'], { env: { PYTHONPATH: findFile } })
  const found = /^\{"python": "(\/\S{1,100})", "file": "(\/.+)"\}$/.exec(stdout.trim())
  if (!found) return void print(`${plain} cannot share its start: each call starts it`)
  const [, python = '', file = ''] = found
  // It ends with its stdin, however this process ends.
  const server = spawn(python, [join(ROOT, 'test/aws.py'), file, socket], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...env, ...awsEnvironment('http://127.0.0.1:1', 'us-west-2') },
  })
  let ended = false
  server.once('error', (error) => print(error.message))
  server.once('exit', (code) => ended || print(`test/aws.py exited with ${code}: each call starts ${file}`))
  writeFileSync(join(bin, 'aws'), client(python, socket, plain), { mode: 0o755 })
  return {
    bin,
    end() {
      ended = true
      server.stdin.end()
    },
  }
}
