import { partition } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'

/** The tag of what the runbook manages. */
export const TAG = 'app.kubernetes.io/managed-by'

export const TAG_VALUE = 'prow-runbook'

/** On what existed before the runbook, so that uninstall leaves it. */
export const TAG_ADOPTED = 'prow-runbook/adopted'

/** The cluster that it is for: two clusters of one name, in two regions, would have roles of the same name. */
export const TAG_CLUSTER = 'prow-runbook/cluster'

export interface Tag {
  Key: string
  Value: string
}

/** The value of a tag. */
export function tagValue(tags: Tag[] | undefined, key: string): string | undefined {
  return tags?.find((tag) => tag.Key === key)?.Value
}

/** The tags of a resource for the cluster of the settings, as most commands of aws take them. */
export function tagArguments(settings: Settings): string[] {
  return ['--tags', ...Object.entries(tagsFor(settings)).map(([key, value]) => `Key=${key},Value=${value}`)]
}

/** The tags of a resource for the cluster of the settings. */
export function tagsFor(settings: Settings): Record<string, string> {
  return { [TAG]: TAG_VALUE, [TAG_CLUSTER]: clusterArn(settings) }
}

/** The ARN of the cluster of the settings. */
export function clusterArn(settings: Settings): string {
  const { AWS_REGION: region, AWS_ACCOUNT_ID: account, CLUSTER_NAME: name } = settings
  return `arn:${partition(region)}:eks:${region}:${account}:cluster/${name}`
}
