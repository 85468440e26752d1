// ghproxy keeps GitHub's answers on a volume. The guide finds out late, from a claim that stays Pending, that nothing
// in the cluster makes volumes; here it is looked at before anything asks for one.
import { need } from '../lib/check.ts'
import { storageClass } from '../lib/cluster.ts'
import { note, skipped, step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'See that something makes volumes',
    reads: 'the StorageClasses of the cluster',
    makes: 'nothing on TARGET=local',
    needs: 'a cluster that answers (01-cluster)',
  },
  async (settings) => {
    skipped('aws-ebs-csi-driver', 'TARGET=local: the cluster brings its own')
    const row = await storageClass(settings)
    await need(row)
    note('holds', row.says)
  },
)
