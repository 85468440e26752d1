import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { usesMfa } from '../../../lib/aws/profile.ts'
import { folder, write } from '../world.ts'

const home = folder()
write(home, {
  config: `[default]
region = us-west-2
s3 =
  mfa_serial = nested
[profile admin]
role_arn = arn:aws:iam::1:role/admin
source_profile=keys
mfa_serial = arn:aws:iam::1:mfa/me
[profile chained]
role_arn = arn:aws:iam::1:role/other
source_profile = admin
[profile loop]
source_profile = loop
[profile 'with space']
source_profile = device
`,
  credentials: '[keys]\naws_access_key_id = AKIA\n[device]\nmfa_serial = x\n',
})
const files = { AWS_CONFIG_FILE: join(home, 'config'), AWS_SHARED_CREDENTIALS_FILE: join(home, 'credentials') }

test('a profile may ask for an MFA code when it or one that it builds on names a device', () => {
  const uses = (profile?: string) => usesMfa({ ...files, ...(profile ? { AWS_PROFILE: profile } : {}) })
  assert.deepEqual(['admin', 'chained', 'with space', 'keys', 'loop', 'nobody', undefined].map(uses), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ])
  assert.equal(usesMfa({ ...files, AWS_DEFAULT_PROFILE: 'admin' }), true)
  assert.equal(usesMfa({ AWS_CONFIG_FILE: join(home, 'none'), AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }), false)
})
