import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { environmentToProperties } from '../../src/config/environment.ts'
import { parseProperties } from '../../src/config/properties.ts'

const parsed = (text: string) => Object.fromEntries(parseProperties(text))

describe('parseProperties', () => {
  it.each([
    ['a=1\nb:2\nc 3\nd\t4\n', { a: '1', b: '2', c: '3', d: '4' }],
    ['  a  =  1  ', { a: '1  ' }],
    ['a = : 1', { a: ': 1' }],
    ['a   :=1', { a: '=1' }],
    ['a', { a: '' }],
    ['=1', { '': '1' }],
    ['# c\n  ! c\n\n   \na=1', { a: '1' }],
    ['a=1,\\\n   2,\\\r\n\t3\nb=4', { a: '1,2,3', b: '4' }],
    ['a=1\\\n# not a comment', { a: '1# not a comment' }],
    ['a=1\\', { a: '1' }],
    ['a=1\\\\\nb=2', { a: '1\\', b: '2' }],
    ['a\\ b\\:c\\=d=e', { 'a b:c=d': 'e' }],
    ['a=\\t\\n\\r\\f\\q\\\\\\u00e9\\u0041', { a: '\t\n\r\fq\\éA' }],
    ['a=b=c:d e', { a: 'b=c:d e' }],
    ['a=1\na=2', { a: '2' }],
    ['a=1\rb=2\r\nc=3', { a: '1', b: '2', c: '3' }],
    ['# a comment does not go on \\\na=1', { a: '1' }],
    ['a=\\#1', { a: '#1' }],
    ['\uFEFFa=1', { a: '1' }],
  ])('reads %j', (text, expected) => {
    expect(parsed(text)).toEqual(expected)
  })

  it.each(['a=\\u12', 'a=\\uzzzz'])('refuses %j', (text) => {
    expect(() => parseProperties(text)).toThrow(/^Malformed \\uxxxx encoding in /)
  })

  it('reads back what Java would store', () => {
    const stored = (text: string, key: boolean) =>
      text
        .replaceAll('\\', '\\\\')
        .replaceAll('\t', '\\t')
        .replaceAll('\n', '\\n')
        .replaceAll('\r', '\\r')
        .replaceAll('\f', '\\f')
        .replace(/[=:#!]/g, '\\$&')
        .replace(key ? / /g : /^ +/g, (spaces) => '\\ '.repeat(spaces.length))
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (values) => {
        const text = Object.entries(values)
          .map(([key, value]) => `${stored(key, true)}=${stored(value, false)}\n`)
          .join('')
        expect([...parseProperties(text)]).toEqual(Object.entries(values))
      }),
    )
  })
})

describe('environmentToProperties', () => {
  const properties = (environment: Record<string, string>) =>
    Object.fromEntries([...environmentToProperties(environment)].map(([name, { value }]) => [name, value]))

  it('maps names as the apache/kafka image does', () => {
    expect(
      properties({
        KAFKA_NODE_ID: '1',
        KAFKA_VALID___PROPERTY__ALL_CASES: 'x',
        KAFKA_KAFKA_METRICS_REPORTERS: 'y',
        KAFKA_LISTENER_NAME_SASL__SSL_MAX_CONNECTIONS: '5',
        KAFKA_BROKER_RACK: '',
        NODE_ID: '2',
      }),
    ).toEqual({
      'node.id': '1',
      'valid-property_all.cases': 'x',
      'kafka.metrics.reporters': 'y',
      'listener.name.sasl_ssl.max.connections': '5',
      'broker.rack': '',
    })
  })

  it('reads values as lines of a properties file', () => {
    expect(properties({ KAFKA_LOG_DIRS: ' /a\\\\b = c' })).toEqual({ 'log.dirs': '/a\\b = c' })
  })

  it('leaves out what the start scripts read', () => {
    const names = ['VERSION', 'HEAP_OPTS', 'LOG4J_OPTS', 'OPTS', 'JMX_OPTS', 'JVM_PERFORMANCE_OPTS', 'GC_LOG_OPTS']
    names.push('LOG4J_ROOT_LOGLEVEL', 'LOG4J_LOGGERS', 'TOOLS_LOG4J_LOGLEVEL', 'JMX_HOSTNAME', 'JMX_PORT')
    expect(properties(Object.fromEntries(names.map((name) => [`KAFKA_${name}`, 'x'])))).toEqual({})
  })
})
