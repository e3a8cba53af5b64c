/**
 * security: `ssl.principal.mapping.rules`: from the distinguished name of a client's certificate to the name of its principal.
 *
 *     DEFAULT                                the whole name
 *     RULE:pattern/replacement/[LU]          where the pattern fits; $1 is its first group, L and U change the case
 *
 * The first rule that fits counts. Source: Kafka's SslPrincipalMapper.
 */
import { ConfigError } from '../../config/index.ts'

type Rule = (distinguishedName: string) => string | undefined

const part = String.raw`((?:\\.|[^\\/])*)`
const ruleForm = new RegExp(`^RULE:${part}/${part}/([LU]?)$`)
/** Anything up to a comma that is not inside of a rule. */
const splitter = new RegExp(String.raw`\s*(DEFAULT|RULE:${part}/${part}/[LU]?.*?|.*?)\s*(?:,\s*|$)`, 'g')

export class PrincipalMapping {
  readonly #rules: readonly Rule[]

  /** @throws ConfigError for a rule that is none */
  constructor(rules: string) {
    this.#rules = [...rules.trim().matchAll(splitter)].flatMap(([, text = '']) => parse(text))
  }

  /** Undefined where no rule fits. */
  nameOf(distinguishedName: string): string | undefined {
    for (const apply of this.#rules) {
      const name = apply(distinguishedName)
      if (name !== undefined) return name
    }
    return undefined
  }
}

/** An empty rule is none. */
function parse(text: string): Rule[] {
  if (text === '') return []
  if (text === 'DEFAULT') return [(distinguishedName) => distinguishedName]
  const [, pattern, replacement = '', letterCase = ''] = ruleForm.exec(text) ?? []
  if (pattern === undefined) {
    throw new ConfigError(`Invalid rule: \`${text}\` in ssl.principal.mapping.rules`)
  }
  let whole: RegExp
  let anywhere: RegExp
  try {
    whole = new RegExp(`^(?:${pattern})$`)
    anywhere = new RegExp(pattern, 'g')
  } catch (error) {
    throw new ConfigError(`Invalid rule: \`${text}\` in ssl.principal.mapping.rules: ${(error as Error).message}`)
  }
  return [
    (distinguishedName) => {
      if (!whole.test(distinguishedName)) return undefined
      const name = distinguishedName.replace(anywhere, (...matched) => expand(replacement, groupsOf(matched)))
      if (letterCase === 'L') return name.toLowerCase()
      return letterCase === 'U' ? name.toUpperCase() : name
    },
  ]
}

/** What `String.replace` hands over, up to the position of the match. */
function groupsOf(matched: readonly unknown[]): string[] {
  const end = matched.findIndex((each) => typeof each === 'number')
  return matched.slice(0, end).map((group) => (group ?? '') as string)
}

/** As Java's Matcher: `\` takes the next character as it is, `$12` is the largest group number that there is. */
function expand(replacement: string, groups: readonly string[]): string {
  return replacement.replace(/\\(.)|\$(\d+)/g, (text, literal: string | undefined, digits: string | undefined) => {
    if (literal !== undefined) return literal
    let count = digits!.length
    while (count > 1 && Number(digits!.slice(0, count)) >= groups.length) count -= 1
    const group = groups[Number(digits!.slice(0, count))]
    return group === undefined ? text : group + digits!.slice(count)
  })
}
