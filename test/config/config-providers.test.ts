// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these variables are of configs, not of JavaScript
/** Values that stand elsewhere (KIP-297). */
import { describe, expect, it } from 'vitest'
import { BrokerConfig, ConfigError } from '../../src/config/index.ts'

const files: Readonly<Record<string, string>> = {
  '/secrets/broker.properties': 'key.password = of-file\nnot.used=x\n',
  '/secrets/store': 'of directory\n',
}
const readFile = (path: string): string => {
  const text = files[path]
  if (text === undefined) throw new Error(`ENOENT: ${path}`)
  return text
}
const provider = 'org.apache.kafka.common.config.provider'
const providers = [
  'config.providers=env, file,dir',
  `config.providers.env.class=${provider}.EnvVarConfigProvider`,
  `config.providers.file.class=${provider}.FileConfigProvider`,
  `config.providers.dir.class=${provider}.DirectoryConfigProvider`,
]

function load(lines: readonly string[], environment: Record<string, string> = {}): BrokerConfig {
  return BrokerConfig.load({ file: [...providers, ...lines].join('\n'), environment, readFile })
}

describe('a variable', () => {
  it('stands for a value of the environment, of a file of properties, or of a file of its own', () => {
    const config = load(
      [
        'num.partitions=${env:PARTITIONS}',
        'ssl.key.password=${file:/secrets/broker.properties:key.password}',
        'ssl.keystore.password=${dir:/secrets:store}',
        'broker.rack=${env:ZONE}-${env:ROW}',
      ],
      { PARTITIONS: '3', ZONE: 'a', ROW: '7' },
    )
    expect(config.get('num.partitions')).toBe(3)
    expect(config.get('ssl.key.password')).toBe('of-file')
    expect(config.get('ssl.keystore.password')).toBe('of directory\n')
    expect(config.get('broker.rack')).toBe('a-7')
    expect(config.warnings).toEqual([])
  })

  it('may stand in environment variables, and for one listener', () => {
    const config = load(['listener.name.plaintext.max.connections=${env:MOST}'], {
      MOST: '5',
      KAFKA_BROKER_RACK: '${env:MOST}',
    })
    expect([config.get('broker.rack'), config.getForListener('PLAINTEXT', 'max.connections')]).toEqual(['5', 5])
  })

  it.each([
    '${env:ABSENT}',
    '${other:x}',
    '${file:/secrets/broker.properties:absent}',
    '${file:x}',
    '${dir:/secrets:absent}',
    '${dir:/secrets:../secrets/store}',
    '${not a variable}',
  ])('without a value stays as it is: %s', (text) => {
    expect(load([`broker.rack=${text}`]).get('broker.rack')).toBe(text)
  })

  it('is no variable without config.providers', () => {
    const config = BrokerConfig.load({
      settings: { 'broker.rack': '${env:ZONE}' },
      environment: { ZONE: 'a' },
      readFile,
    })
    expect(config.get('broker.rack')).toBe('${env:ZONE}')
  })

  it('stands only for what its provider may show', () => {
    const config = load(
      [
        'config.providers.env.param.allowlist.pattern=MY_.*',
        'config.providers.file.param.allowed.paths=/public, /secrets/broker.properties',
        'config.providers.dir.param.allowed.paths=/public/',
        'broker.rack=${env:MY_ZONE}${env:OTHER}${file:/secrets/broker.properties:key.password}${dir:/secrets:store}',
      ],
      { MY_ZONE: 'a', OTHER: 'b' },
    )
    expect(config.get('broker.rack')).toBe('a${env:OTHER}of-file${dir:/secrets:store}')
  })

  it.each([
    ['broker.rack=${file:/absent:key}', 'Could not read properties from file /absent: ENOENT: /absent'],
    ['broker.rack=${env:/path:KEY}', "Path is not supported for EnvVarConfigProvider, invalid value '/path'"],
    ['num.partitions=${env:WORD}', 'Invalid value many for configuration num.partitions: Not a number of type INT'],
    [
      'config.providers=vault',
      "config.providers.vault.class= names a Java class, which can't be loaded: EnvVarConfigProvider, FileConfigProvider, DirectoryConfigProvider are known.",
    ],
  ])('that can not be read is an error: %s', (line, message) => {
    expect(() => load([line], { WORD: 'many' })).toThrow(new ConfigError(message))
  })
})
