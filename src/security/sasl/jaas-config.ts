/**
 * security: `sasl.jaas.config`, in the form of Java's login configuration:
 *
 *     org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="secret" user_bob="other";
 *
 * Messages never hold what follows a `=`.
 */
import { ConfigError } from '../../config/index.ts'

export interface LoginModule {
  /** Java's class. */
  readonly name: string
  readonly options: ReadonlyMap<string, string>
}

const flags = ['REQUIRED', 'REQUISITE', 'SUFFICIENT', 'OPTIONAL']
const token = /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|"((?:[^"\\\n]|\\[^\n])*)"|'((?:[^'\\\n]|\\[^\n])*)'|([^\s=;"']+)|([=;])/y
const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', b: '\b', a: '\x07', v: '\v' }

interface Token {
  readonly kind: 'text' | 'sign'
  readonly text: string
}

/** @throws ConfigError for what is not of that form */
export function parseJaasConfig(config: string): LoginModule[] {
  const tokens = tokensOf(config)
  const modules: LoginModule[] = []
  let next = 0
  const take = (kind: Token['kind'], problem: string): string => {
    const found = tokens[next]
    if (found?.kind !== kind) throw new ConfigError(`${problem} in JAAS config`)
    next += 1
    return found.text
  }
  while (next < tokens.length) {
    const name = take('text', 'Login module not specified')
    const flag = take('text', 'Login module control flag not specified')
    if (!flags.includes(flag.toUpperCase())) throw new ConfigError('Invalid login module control flag in JAAS config')
    const options = new Map<string, string>()
    while (tokens[next]?.kind === 'text') {
      const key = take('text', '')
      const problem = `Value not specified for key '${key}'`
      if (take('sign', problem) !== '=') throw new ConfigError(`${problem} in JAAS config`)
      options.set(key, take('text', problem))
    }
    const end = 'JAAS config entry not terminated by semi-colon'
    if (tokens[next]?.text !== ';' || tokens[next]?.kind !== 'sign') throw new ConfigError(end)
    next += 1
    modules.push({ name, options })
  }
  if (modules.length === 0) throw new ConfigError('Login module not specified in JAAS config')
  return modules
}

function tokensOf(config: string): Token[] {
  const tokens: Token[] = []
  token.lastIndex = 0
  while (token.lastIndex < config.length) {
    const match = token.exec(config)
    if (match === null) throw new ConfigError('A quote is not closed in JAAS config')
    const [, double, single, word, sign] = match
    const quoted = double ?? single
    if (quoted !== undefined) tokens.push({ kind: 'text', text: unescaped(quoted) })
    else if (word !== undefined) tokens.push({ kind: 'text', text: word })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign })
  }
  return tokens
}

/** As Java's StreamTokenizer reads what is in quotes. */
function unescaped(text: string): string {
  return text.replace(/\\([0-3][0-7]{0,2}|[0-7]{1,2}|.)/g, (_whole, escaped: string) =>
    /^[0-7]/.test(escaped) ? String.fromCharCode(Number.parseInt(escaped, 8)) : (escapes[escaped] ?? escaped),
  )
}

/** Users by the options `user_<name>="<password>"`. */
export function usersOf({ options }: LoginModule): Map<string, string> {
  const users = new Map<string, string>()
  for (const [key, value] of options) if (key.startsWith('user_')) users.set(key.slice('user_'.length), value)
  return users
}
