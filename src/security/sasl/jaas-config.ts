/**
 * security: `sasl.jaas.config`, in the form of Java's login configuration, and files of it:
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
const token =
  /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|"((?:[^"\\\n]|\\[^\n])*)"|'((?:[^'\\\n]|\\[^\n])*)'|([^\s=;{}"']+)|([=;{}])/y
const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', b: '\b', a: '\x07', v: '\v' }

interface Token {
  readonly kind: 'text' | 'sign'
  readonly text: string
}

/** @throws ConfigError for what is not of that form */
export function parseJaasConfig(config: string): LoginModule[] {
  const reader = new JaasReader(config)
  const modules: LoginModule[] = []
  while (!reader.isAtEnd) modules.push(reader.module())
  if (modules.length === 0) throw new ConfigError('Login module not specified in JAAS config')
  return modules
}

/** A file has several, each under a name: `KafkaServer { ... };`. @throws ConfigError for what is not of that form */
export function parseJaasFile(text: string): Map<string, readonly LoginModule[]> {
  const reader = new JaasReader(text)
  const sections = new Map<string, readonly LoginModule[]>()
  while (!reader.isAtEnd) {
    const name = reader.text('Section not named')
    reader.sign('{', 'No { after the name of a section')
    const modules: LoginModule[] = []
    while (!reader.isAtEnd && !reader.isAt('}')) modules.push(reader.module())
    reader.sign('}', 'No } at the end of a section')
    reader.sign(';', 'Section not terminated by semi-colon')
    sections.set(name, modules)
  }
  return sections
}

class JaasReader {
  readonly #tokens: readonly Token[]
  #next = 0

  constructor(text: string) {
    this.#tokens = tokensOf(text)
  }

  get isAtEnd(): boolean {
    return this.#next === this.#tokens.length
  }

  isAt(sign: string): boolean {
    const found = this.#tokens[this.#next]
    return found?.kind === 'sign' && found.text === sign
  }

  text(problem: string): string {
    const found = this.#tokens[this.#next]
    if (found?.kind !== 'text') throw new ConfigError(`${problem} in JAAS config`)
    this.#next += 1
    return found.text
  }

  sign(sign: string, problem: string): void {
    if (!this.isAt(sign)) throw new ConfigError(`${problem} in JAAS config`)
    this.#next += 1
  }

  module(): LoginModule {
    const name = this.text('Login module not specified')
    const flag = this.text('Login module control flag not specified')
    if (!flags.includes(flag.toUpperCase())) throw new ConfigError('Invalid login module control flag in JAAS config')
    const options = new Map<string, string>()
    while (this.#tokens[this.#next]?.kind === 'text') {
      const key = this.text('')
      const problem = `Value not specified for key '${key}'`
      this.sign('=', problem)
      options.set(key, this.text(problem))
    }
    if (!this.isAt(';')) throw new ConfigError('JAAS config entry not terminated by semi-colon')
    this.#next += 1
    return { name, options }
  }
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
