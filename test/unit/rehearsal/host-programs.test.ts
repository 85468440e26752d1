import assert from 'node:assert/strict'
import { test } from 'node:test'
import { libraryPath, sharedLibraries } from '../../../lib/rehearsal/host-programs.ts'

const LDD = `	linux-vdso.so.1 (0x00007ffd0a5f2000)
	libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f0d1a000000)
	/lib64/ld-linux-x86-64.so.2 (0x00007f0d1a3c0000)
`

test('the libraries of a program and its loader are read from ldd', () => {
  assert.deepEqual(sharedLibraries('/bin/ls', LDD), ['/lib/x86_64-linux-gnu/libc.so.6', '/lib64/ld-linux-x86-64.so.2'])
  assert.deepEqual(sharedLibraries('/c/kubelet', '\tnot a dynamic executable\n'), [])
})

test('a library that is missing is a problem that names it', () => {
  assert.throws(
    () => sharedLibraries('/usr/sbin/nginx', '\tlibpcre2-8.so.0 => not found\n'),
    /^Problem: \/usr\/sbin\/nginx needs libpcre2-8\.so\.0, which is not installed$/,
  )
})

test('libraries are put below /usr, where the lib folders of an image link to', () => {
  assert.equal(libraryPath('/lib64/ld-linux-x86-64.so.2'), '/usr/lib64/ld-linux-x86-64.so.2')
  assert.equal(libraryPath('/lib/x86_64-linux-gnu/libc.so.6'), '/usr/lib/x86_64-linux-gnu/libc.so.6')
  assert.equal(libraryPath('/usr/lib/libz.so.1'), '/usr/lib/libz.so.1')
})
