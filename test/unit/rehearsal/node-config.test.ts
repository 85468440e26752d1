import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cniConfig, containerdConfig, corefile, kubeletConfig, POD_CIDR } from '../../../lib/rehearsal/node-config.ts'
import { nodeTag } from '../../../lib/rehearsal/node-processes.ts'
import { PAUSE } from '../../../lib/rehearsal/oci.ts'

const ADDRESSES = { host: '198.18.0.1', node: '198.18.0.2', github: '198.18.0.3' }

test('pods resolve names at the node, which serves Services and the given hosts', () => {
  const text = corefile('/r', ADDRESSES, { 'prow.rehearsal.example': '198.18.0.2' })
  assert.equal(text.match(/bind 198\.18\.0\.2/g)?.length, 3)
  assert.match(text, /hosts \{\n {4}198\.18\.0\.2 prow\.rehearsal\.example\n {2}\}/)
  const config = kubeletConfig('/r', ADDRESSES, '/ca.crt')
  assert.deepEqual(config.clusterDNS, ['198.18.0.2'])
  assert.equal(config.resolvConf, '/r/node/resolv.conf')
})

test("the kubelet has the folder's own cgroup and trusts the cluster's authority", () => {
  const config = kubeletConfig('/r', ADDRESSES, '/ca.crt')
  assert.equal(config.cgroupRoot, `/${nodeTag('/r')}`)
  assert.equal(config.authentication.x509.clientCAFile, '/ca.crt')
  assert.equal(config.authentication.anonymous.enabled, false)
})

test("containerd finds the CNI configuration in the node's folder, and the pause image that is imported", () => {
  const text = containerdConfig('/r')
  assert.ok(text.includes(`sandbox_image = "${PAUSE}"`))
  assert.ok(text.includes('conf_dir = "/r/node/cni"'))
  assert.equal(cniConfig().plugins[0]!.ipam!.ranges[0]![0]!.subnet, POD_CIDR)
})
