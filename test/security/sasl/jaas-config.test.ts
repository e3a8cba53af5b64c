import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/config/index.ts'
import { parseJaasConfig, parseJaasFile, usersOf } from '../../../src/security/sasl/jaas-config.ts'

const entries = (text: string) =>
  parseJaasConfig(text).map(({ name, options }) => [name, Object.fromEntries(options)] as const)

describe('a JAAS config', () => {
  it('names a login module with its options', () => {
    expect(entries('a.PlainLoginModule required username="u" user_alice="x y" user_bob=plain;')).toEqual([
      ['a.PlainLoginModule', { username: 'u', user_alice: 'x y', user_bob: 'plain' }],
    ])
  })

  it('may name several, over several lines, with comments', () => {
    expect(entries('/* a */ a.A required // first\n  k="v";\n\nb.B OPTIONAL x=\'1\' y=2;')).toEqual([
      ['a.A', { k: 'v' }],
      ['b.B', { x: '1', y: '2' }],
    ])
  })

  it('has escapes in quotes', () => {
    expect(entries(String.raw`a.A required k="a\"b\\c\n\101\t" l='=;//';`)).toEqual([
      ['a.A', { k: 'a"b\\c\nA\t', l: '=;//' }],
    ])
  })

  it('lists users', () => {
    const [module] = parseJaasConfig('a.A required user_alice="1" user_="2" username="x";')
    expect([...usersOf(module!)]).toEqual([
      ['alice', '1'],
      ['', '2'],
    ])
  })

  it.each([
    ['', 'Login module not specified in JAAS config'],
    ['a.A', 'Login module control flag not specified in JAAS config'],
    ['a.A maybe;', 'Invalid login module control flag in JAAS config'],
    ['a.A required', 'JAAS config entry not terminated by semi-colon'],
    ['a.A required k="v"', 'JAAS config entry not terminated by semi-colon'],
    ['a.A required k', "Value not specified for key 'k' in JAAS config"],
    ['a.A required k=;', "Value not specified for key 'k' in JAAS config"],
    ['a.A required k;', "Value not specified for key 'k' in JAAS config"],
    ['a.A required k="v;', 'A quote is not closed in JAAS config'],
    ['a.A required =v;', 'JAAS config entry not terminated by semi-colon'],
  ])('is refused: %s', (text, problem) => {
    expect(() => parseJaasConfig(text)).toThrow(problem)
  })

  it('gives back any option that is written down', () => {
    const word = fc.stringMatching(/^[A-Za-z_$.-][\w$.-]{0,20}$/)
    fc.assert(
      fc.property(word, fc.uniqueArray(fc.tuple(word, fc.string()), { selector: ([key]) => key }), (name, options) => {
        const written = options.map(([key, value]) => `${key}="${escaped(value)}"`).join(' ')
        expect(entries(`${name} required ${written};`)).toEqual([[name, Object.fromEntries(options)]])
      }),
    )
  })

  it('may be any text: it is read, or refused with a message that holds none of its values', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'a.A required="\'\\;/*k=\n ') }), (text) => {
        try {
          parseJaasConfig(text)
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError)
        }
      }),
      { numRuns: 2000 },
    )
    expect(() => parseJaasConfig('a.A required k="top-secret" l="other-secret')).toThrow(
      /^A quote is not closed in JAAS config$/,
    )
  })
})

function escaped(value: string): string {
  return value.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n').replace(/\r/g, '\\r')
}

describe('a JAAS file', () => {
  it('has sections, of which each names login modules', () => {
    const sections = parseJaasFile(`
      // of a compose file
      KafkaServer {
        org.apache.kafka.common.security.plain.PlainLoginModule required
        username="admin" password="{;}"
        user_alice="alice-secret";
        b.ScramLoginModule required;
      };
      internal.KafkaServer { a.A optional; };
      Client {};
    `)
    expect([...sections].map(([name, modules]) => [name, modules.map((each) => each.name)])).toEqual([
      ['KafkaServer', ['org.apache.kafka.common.security.plain.PlainLoginModule', 'b.ScramLoginModule']],
      ['internal.KafkaServer', ['a.A']],
      ['Client', []],
    ])
    expect(Object.fromEntries(usersOf(sections.get('KafkaServer')![0]!))).toEqual({ alice: 'alice-secret' })
    expect(parseJaasFile('')).toEqual(new Map())
  })

  it.each([
    ['{', 'Section not named in JAAS config'],
    ['a.A required k="secret";', 'No { after the name of a section in JAAS config'],
    ['S { a.A required k="secret"; ', 'No } at the end of a section in JAAS config'],
    ['S { a.A required k="secret" };', 'JAAS config entry not terminated by semi-colon'],
    ['S { a.A required k="secret"; }', 'Section not terminated by semi-colon in JAAS config'],
  ])('of another form is refused, without a secret in the message: %s', (text, message) => {
    expect(() => parseJaasFile(text)).toThrow(new ConfigError(message))
  })
})
