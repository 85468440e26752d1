import type { Settings } from '../settings/table.ts'
import { settingsPages } from './pages.ts'

/** A refusal of GitHub whose own words name a cause that no further scope or permission heals. */
export interface Denial {
  /** Of the catalogue of causes. */
  id: string
  pattern: RegExp
  /** What is wrong, continuing "GitHub denied permission to …: ", and the remedy. */
  explain: (words: string, settings: Settings) => { cause: string; remedy: string }
}

const credential = ({ GITHUB_AUTH }: Settings) => (GITHUB_AUTH === 'app' ? 'the App' : 'the token')

/** The owner that GitHub's words name, such as `my-org`; else GITHUB_ORG. */
const ownerIn = (words: string, { GITHUB_ORG }: Settings) =>
  /[`'"]([\w .-]+)[`'"] (?:organization|enterprise)/.exec(words)?.[1] ?? /^`([\w.-]+)`/.exec(words)?.[1] ?? GITHUB_ORG

/**
 * GitHub's refusals (403, and 401 for an App) by what they say; the first row that fits counts. The texts are those of
 * its REST and GraphQL APIs; what stands between backquotes or quotes is the name of the organization or enterprise.
 */
export const DENIALS: Denial[] = [
  {
    id: 'PRW-GH-022',
    pattern: /IP allow list|IP address is not permitted/i,
    explain: (words, settings) => ({
      cause: `${ownerIn(words, settings)} has an IP allow list, and the address of this machine is not in it`,
      remedy: `Add it, and the addresses from which the cluster reaches GitHub (those of its NAT gateways), at ${settingsPages(settings).security}, IP allow list.`,
    }),
  },
  {
    id: 'PRW-GH-023',
    pattern: /installation has been suspended/i,
    explain: (_, settings) => ({
      cause: `the installation of the App in ${settings.GITHUB_ORG} is suspended`,
      remedy: `Resume it at ${settingsPages(settings).installations}.`,
    }),
  },
  {
    id: 'PRW-GH-024',
    pattern: /OAuth App access restrictions|third-party (?:application|access) restrictions/i,
    explain: (words, settings) => ({
      cause: `${ownerIn(words, settings)} restricts OAuth Apps, and has not approved the one that this token is of`,
      remedy: `Approve it at ${settingsPages(settings).oauthPolicy}, or use a personal access token of the bot (${settingsPages(settings).tokens}), which the restriction does not cover.`,
    }),
  },
  {
    id: 'PRW-GH-026',
    pattern: /forbids access via .*lifetime is greater than/i,
    explain: (words, settings) => ({
      cause: `${ownerIn(words, settings)} accepts no token that is valid for more than ${/greater than (\d+ days?)/.exec(words)?.[1] ?? 'its limit'}`,
      remedy: `Shorten its validity at ${/(https:\/\/\S+\/settings\/\S+?)[.,]?(?:\s|$)/.exec(words)?.[1] ?? settingsPages(settings).tokens}, put the token into secrets/oauth-token if it was regenerated, and run 03-secrets.`,
    }),
  },
  {
    id: 'PRW-GH-025',
    pattern: /forbids access via an? (?:personal access token|fine-grained|GitHub App|OAuth)/i,
    explain: (words, settings) => {
      const classic = /\(classic\)/.test(words)
      return {
        cause: `${ownerIn(words, settings)} accepts no ${classic ? 'classic' : 'fine-grained'} personal access token`,
        remedy: `${classic ? `Use a fine-grained one (${settingsPages(settings).fineGrained})` : `Use a classic one (${settingsPages(settings).tokens})`} or GITHUB_AUTH=app; or an owner allows this kind at ${settingsPages(settings).tokenPolicy}.`,
      }
    },
  },
  {
    id: 'PRW-GH-021',
    pattern: /SAML enforcement|SAML SSO|single sign-on/i,
    explain: (words, settings) => ({
      cause: `${ownerIn(words, settings)} requires single sign-on, and ${credential(settings)} is not authorized for it`,
      remedy: `Authorize it for ${settings.GITHUB_ORG} at ${settingsPages(settings).tokens}, Configure SSO.`,
    }),
  },
  {
    id: 'PRW-GH-027',
    pattern: /account (?:was|is|has been) (?:suspended|flagged|locked)/i,
    explain: (_, settings) => ({
      cause: "the bot's account is suspended",
      remedy: `An administrator of https://${settings.GITHUB_HOST} or GitHub's support has to restore it; until then use the token of another account.`,
    }),
  },
  {
    id: 'PRW-GH-028',
    pattern:
      /archived so is read-only|archived repositor(?:y|ies) (?:is|are) read-only|repository (?:was|is) archived/i,
    explain: (_, settings) => ({
      cause: 'the repository is archived, and so read-only',
      remedy: `Unarchive it in its settings, Danger Zone, or remove it from GITHUB_REPOS, Tide's queries and the jobs of ${settings.CONFIG_DIR}/.`,
    }),
  },
  {
    id: 'PRW-GH-029',
    pattern: /Repository access blocked|repository (?:has been )?disabled/i,
    explain: () => ({
      cause: 'GitHub has blocked the repository',
      remedy: 'Its page on GitHub shows the reason, such as unpaid bills or a violation of the terms.',
    }),
  },
  {
    id: 'PRW-GH-030',
    pattern: /Upgrade to GitHub \w+ or make this repository public/i,
    explain: (_, { GITHUB_ORG }) => ({
      cause: `the plan of ${GITHUB_ORG} has this feature for public repositories only`,
      remedy:
        'Upgrade the plan, make the repository public, or do without the feature (branch-protection in config.yaml).',
    }),
  },
  {
    id: 'PRW-GH-031',
    pattern: /Enterprise Managed User/i,
    explain: (_, { GITHUB_ORG }) => ({
      cause: `the bot is a managed user of another enterprise, which cannot work in ${GITHUB_ORG}`,
      remedy: `Use a bot account that is a member of ${GITHUB_ORG}.`,
    }),
  },
  {
    id: 'PRW-GH-033',
    pattern: /two-factor authentication/i,
    explain: (words, settings) => ({
      cause: `${ownerIn(words, settings)} requires two-factor authentication, and the bot's account has none`,
      remedy: `As the bot, turn it on at https://${settings.GITHUB_HOST}/settings/security.`,
    }),
  },
  {
    id: 'PRW-GH-035',
    pattern: /'(?:Expiration time|Issued at)' claim|\('?(?:exp|iat)'?\)/i,
    explain: () => ({
      cause: 'the clock of this machine differs from that of GitHub, and the App signs in with a time',
      remedy: 'Set the clock by NTP: timedatectl set-ntp true',
    }),
  },
]

/** The row that GitHub's words fit; undefined where they name nothing but a missing right. */
export function denialOf(words: string): Denial | undefined {
  return DENIALS.find(({ pattern }) => pattern.test(words))
}
