// GitHub has to be told where to deliver its events, and with which secret to sign them.
import { skipped, step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Tell GitHub where to deliver its events',
    reads: 'nothing but the settings',
    makes: 'nothing in this version',
    needs: '11-ingress',
  },
  async (settings) => {
    skipped(
      'webhook',
      `this version does not write to GitHub; add it by hand: URL https://${settings.PROW_HOST}/hook, content type application/json, the secret in secrets/hmac-token`,
    )
  },
)
