import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { BrokerConfig } from '../../src/config/index.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import type { Credentials } from '../../src/security/credentials.ts'
import { ListenerSecurity } from '../../src/security/listener-security.ts'
import { principalText } from '../../src/security/principal.ts'

const stores = fileURLToPath(new URL('stores', import.meta.url))
let certificate: X509Certificate

beforeAll(() => {
  certificate = new X509Certificate(readFileSync(`${stores}/subject.pem`))
})

async function open(...lines: string[]): Promise<ListenerSecurity> {
  const keys = [
    `ssl.keystore.location=${stores}/ec.p12`,
    'ssl.keystore.type=PKCS12',
    'ssl.keystore.password=store-secret',
  ]
  const config = BrokerConfig.load({ file: [...keys, ...lines].join('\n') })
  return ListenerSecurity.open({
    config,
    listener: config.listeners[0]!,
    files: nodeFileSystem,
    clock: new SimulatedClock(),
    random: new SeededRandom(1),
    logger: silentLogger,
    credentials: () => undefined as unknown as Credentials,
  })
}

const tls = ['listeners=SSL://localhost:9093', 'security.inter.broker.protocol=SSL']
const saslAndTls = [
  'listeners=SASL_SSL://localhost:9093',
  'security.inter.broker.protocol=SASL_SSL',
  'sasl.enabled.mechanisms=SCRAM-SHA-256',
]

describe('the principal of a connection', () => {
  it('is the subject of its certificate, or what the rules make of that', async () => {
    const whole = (await open(...tls)).authenticationFor({ clientCertificate: certificate })
    expect(principalText(whole.principal)).toBe(
      'User:CN=\\#1\\; last\\ ,1.2.840.113549.1.9.1=#16056140622e63,OU=x+UID=u1,O=A\\, \\"B\\" & Söhne,C=CZ',
    )
    const mapped = await open(...tls, 'listener.name.ssl.ssl.principal.mapping.rules=RULE:^.*UID=(\\\\w+).*$/$1/')
    expect(mapped.authenticationFor({ clientCertificate: certificate }).principal.name).toBe('u1')
  })

  it('is ANONYMOUS without a certificate', async () => {
    const { principal, state } = (await open(...tls)).authenticationFor({ clientCertificate: undefined })
    expect([principalText(principal), state]).toEqual(['User:ANONYMOUS', 'authenticated'])
  })

  it('is nobody where no rule fits, and the connection ends', async () => {
    const security = await open(...tls, 'ssl.principal.mapping.rules=RULE:^CN=none$/x/')
    expect(() => security.authenticationFor({ clientCertificate: certificate })).toThrow('no rule of ssl.principal')
  })

  it('is not that of the certificate where there is SASL', async () => {
    const { principal, state } = (await open(...saslAndTls)).authenticationFor({ clientCertificate: certificate })
    expect([principalText(principal), state]).toEqual(['User:ANONYMOUS', 'unauthenticated'])
  })
})

describe('ssl.client.auth', () => {
  it('holds for listeners with SASL only where it is set for them (KIP-684)', async () => {
    expect((await open(...tls, 'ssl.client.auth=required')).tls?.clientAuth).toBe('required')
    expect((await open(...saslAndTls, 'ssl.client.auth=required')).tls?.clientAuth).toBe('none')
    const own = await open(...saslAndTls, 'listener.name.sasl_ssl.ssl.client.auth=requested')
    expect(own.tls?.clientAuth).toBe('requested')
  })
})
