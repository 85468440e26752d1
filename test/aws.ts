import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../lib/base/paths.ts'
import { onPath, tryRun } from '../lib/base/shell.ts'
import { environment } from '../lib/rehearsal/aws.ts'

// Imported by Python before any program: tells which file is executed in the end, whatever PATH leads there by.
const TELL = `import json, os, sys
print(json.dumps({"python": sys.executable, "file": sys.orig_argv[-2]}), flush=True)
os._exit(0)
`

// Few lines and nothing imported: with all its options off Python starts at once.
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
 * Starts what aws.py is, and answers the folder that has its `aws`, to be put in front of PATH, and what ends it.
 * Undefined, and said why, where aws is no Python program that can be shared, such as version 2: then it is started as
 * it is, which is only slower.
 */
export async function shareAws(folder: string, env: NodeJS.ProcessEnv, say: (text: string) => void) {
  const plain = onPath('aws')
  if (!plain) return
  const bin = join(folder, 'aws')
  const tell = join(folder, 'tell')
  const socket = join(folder, 'aws.sock')
  for (const path of [bin, tell]) mkdirSync(path)
  writeFileSync(join(tell, 'sitecustomize.py'), TELL)
  const told = await tryRun(plain, ['--version'], { timeout: 20, env: { PYTHONPATH: tell } })
  const found = /^\{"python": "(\/\S{1,100})", "file": "(\/.+)"\}$/.exec(told.stdout.trim())
  if (!found) return void say(`${plain} is started anew at each call: its start cannot be shared`)
  const [, python = '', file = ''] = found
  // It ends when its stdin does, however this process ends.
  const server = spawn(python, [join(ROOT, 'test/aws.py'), file, socket], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...env, ...environment('http://127.0.0.1:1', 'us-west-2') },
  })
  let ended = false
  server.once('error', (error) => say(error.message))
  server.once('exit', (code) => ended || say(`what shares the start of ${file} ended with ${code}: it is started anew`))
  writeFileSync(join(bin, 'aws'), client(python, socket, plain), { mode: 0o755 })
  return {
    bin,
    end() {
      ended = true
      server.stdin.end()
    },
  }
}
