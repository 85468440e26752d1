import { type Finding, warning } from '../base/problem.ts'
import { ROWS, type Settings } from '../settings/table.ts'

/** The first day of images whose sidecar loses logs, as tags have it. */
const FIRST = 20260808

/**
 * Whether a tag of Prow's images, such as v20260821-a61940897, is one whose sidecar loses logs of 5 MiB and more: code
 * merged on 2026-08-08 (kubernetes-sigs/prow d06078952) uploads them to S3 in parts that S3 refuses with InvalidPart,
 * while the job and its status are green. No later version is known to upload them.
 */
export function losesLogs(tag: string): boolean {
  const day = /^v(\d{8})-/.exec(tag)?.[1]
  return day !== undefined && Number(day) >= FIRST
}

/** What to do about such a tag, as the rest of a sentence. */
export const KEEPS_LOGS = `${ROWS.PROW_IMAGE_TAG.default} uploads them.`

/** A warning when the settings install such a version. */
export function inspectLogUploads({ PROW_IMAGE_TAG }: Settings): Finding[] {
  if (!losesLogs(PROW_IMAGE_TAG)) return []
  return [
    warning(
      `PROW_IMAGE_TAG=${PROW_IMAGE_TAG} loses logs of 5 MiB and more on S3, without an error: the job is green`,
      `Remove PROW_IMAGE_TAG from .env: ${KEEPS_LOGS}`,
    ),
  ]
}
