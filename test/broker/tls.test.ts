import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { Kafka, logLevel } from 'kafkajs'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { incrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { type BrokerOptions, type RunningBroker, startBroker } from '../../src/broker.ts'
import type { CertificateAuthority, Identity } from '../../src/security/certs/development-certificates.ts'
import { RawClient, until } from '../network/raw-client.ts'
import { inOneLine, newAuthority, pemStore } from '../security/certificates.ts'
import { answer, request } from '../server/serving.ts'
import { temporaryDirectory } from './temporary-directory.ts'

let authority: CertificateAuthority
let first: Identity
let second: Identity
let client: Identity

beforeAll(async () => {
  authority = await newAuthority()
  first = await authority.issue({ name: 'localhost', hosts: ['localhost', 'one'] })
  second = await authority.issue({ name: 'localhost', hosts: ['localhost', 'one', 'two'] })
  client = await authority.issue({ name: 'alice' })
}, 120_000)

const listening = 'listeners=SSL://127.0.0.1:0\nsecurity.inter.broker.protocol=SSL\n'

async function start(properties: string, options: BrokerOptions = {}): Promise<RunningBroker> {
  const broker = await startBroker({ memory: true, properties, ...options })
  onTestFinished(() => broker.close())
  return broker
}

function kafka(broker: RunningBroker, identity?: Identity): Kafka {
  const { certificate: ca } = authority.identity
  const own = identity && { key: identity.key, cert: identity.certificate }
  return new Kafka({
    brokers: [broker.bootstrapServers],
    ssl: { ca, servername: 'localhost', ...own },
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 2 },
  })
}

async function produces(client: Kafka): Promise<void> {
  const producer = client.producer()
  await producer.connect()
  await producer.send({ topic: 't', messages: [{ value: 'x'.repeat(100_000) }] })
  await producer.disconnect()
}

const portOf = ({ bootstrapServers }: RunningBroker): number => Number(bootstrapServers.split(':').at(-1))

async function overTls(broker: RunningBroker): Promise<RawClient> {
  const ca = authority.identity.certificate
  const socket = connect({ port: portOf(broker), host: '127.0.0.1', servername: 'localhost', ca })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  return RawClient.over(socket)
}

async function alter(broker: RunningBroker, configs: Record<string, string>) {
  const raw = await overTls(broker)
  const resource = {
    resourceType: 4,
    resourceName: '1',
    configs: Object.entries(configs).map(([name, value]) => ({ name, value, configOperation: 0 })),
  }
  raw.send(request(incrementalAlterConfigs, 1, { resources: [resource], validateOnly: false }))
  const { body } = answer<{ responses: { errorCode: number; errorMessage: string | null }[] }>(
    incrementalAlterConfigs,
    1,
    await raw.frame(),
  )
  return body.responses[0]!
}

async function namesOf(broker: RunningBroker): Promise<string> {
  const socket = (await overTls(broker)).socket as ReturnType<typeof connect>
  return socket.getPeerCertificate().subjectaltname ?? ''
}

describe('a broker with TLS', () => {
  it('serves kafkajs with keys from its properties', async () => {
    const broker = await start(
      `${listening}ssl.keystore.type=PEM\nssl.keystore.key=${inOneLine(first.key)}\nssl.keystore.certificate.chain=${inOneLine(first.certificate)}\n`,
    )
    await produces(kafka(broker))
  })

  it('serves kafkajs with a PKCS#12 store, and asks for certificates', async () => {
    const directory = await temporaryDirectory()
    await writeFile(join(directory, 'server.p12'), authority.pkcs12(first, 'secret'))
    await writeFile(join(directory, 'ca.pem'), authority.identity.certificate)
    const broker = await start(
      `${listening}ssl.keystore.location=${directory}/server.p12\nssl.keystore.type=PKCS12\nssl.keystore.password=secret\n` +
        `ssl.truststore.type=PEM\nssl.truststore.location=${directory}/ca.pem\nlistener.name.ssl.ssl.client.auth=required\n`,
    )
    await produces(kafka(broker, client))
    await expect(produces(kafka(broker))).rejects.toThrow()
  })

  it('has plain and encrypted listeners side by side, each with its own addresses in the metadata', async () => {
    const directory = await temporaryDirectory()
    await writeFile(join(directory, 'server.pem'), pemStore(first))
    const broker = await start(
      `listeners=INSIDE://127.0.0.1:0,OUTSIDE://127.0.0.1:0\nlistener.security.protocol.map=INSIDE:PLAINTEXT,OUTSIDE:SSL\n` +
        `inter.broker.listener.name=INSIDE\nlistener.name.outside.ssl.keystore.type=PEM\nlistener.name.outside.ssl.keystore.location=${directory}/server.pem\n`,
    )
    const [inside, outside] = broker.bootstrapServers.split(',') as [string, string]
    const admin = kafka({ ...broker, bootstrapServers: outside } as RunningBroker).admin()
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    await admin.disconnect()
    expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual([outside])
    expect(inside).not.toBe(outside)
  })

  it('cuts off TLS on a plain listener', async () => {
    const lines: string[] = []
    const log = (fields: object) => void lines.push((fields as { reason?: string }).reason ?? '')
    const broker = await start('listeners=PLAINTEXT://127.0.0.1:0\n', {
      logger: { debug: () => {}, info: () => {}, warn: log, error: log },
    })
    const socket = connect({ port: portOf(broker), host: '127.0.0.1' })
    socket.on('error', () => {})
    await new Promise((resolve) => socket.once('close', resolve))
    await until(() => lines.length > 0)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('it looks like TLS, but this listener is not encrypted')
  })

  it('uses another certificate at once when its config is set again', async () => {
    const directory = await temporaryDirectory()
    const path = join(directory, 'server.pem')
    await writeFile(path, pemStore(first))
    const broker = await start(`${listening}ssl.keystore.type=PEM\nssl.keystore.location=${path}\n`)
    await writeFile(path, pemStore(second))
    expect(await namesOf(broker)).not.toContain('DNS:two')
    const location = { 'listener.name.ssl.ssl.keystore.location': path }
    expect(await alter(broker, location)).toMatchObject({ errorCode: 0 })
    expect(await namesOf(broker)).toContain('DNS:two')
    await writeFile(path, pemStore(first))
    expect((await alter(broker, location)).errorMessage).toContain('Keystore SubjectAltName does not match')
    await writeFile(path, 'rubbish')
    expect((await alter(broker, location)).errorMessage).toContain('there is no private key in PEM format')
    expect(await namesOf(broker)).toContain('DNS:two')
  })

  it.each([
    ['', 'Listener SSL is encrypted and has no key: set ssl.keystore.location'],
    [
      'ssl.keystore.location=/nowhere.jks\nssl.keystore.password=x\n',
      'ssl.keystore.location=/nowhere.jks of listener SSL: ENOENT',
    ],
    [
      'ssl.keystore.type=BKS\nssl.keystore.location=/nowhere\n',
      'ssl.keystore.type=BKS is not served: JKS, PKCS12 and PEM are',
    ],
    ['ssl.keystore.type=PEM\nssl.keystore.key=x\n', 'belong together'],
  ])('does not start where that is not possible, and says why: %s', async (properties, reason) => {
    await expect(startBroker({ memory: true, properties: listening + properties })).rejects.toThrow(reason)
  })

  it.each([
    ['ssl.enabled.protocols=TLSv1.1', 'ssl.enabled.protocols=TLSv1.1 asks for TLSv1.1: TLSv1.2 and TLSv1.3 are served'],
    ['ssl.cipher.suites=TLS_RSA_WITH_NOTHING', 'Unsupported CipherSuite: TLS_RSA_WITH_NOTHING'],
    [
      'ssl.cipher.suites=TLS_AES_128_GCM_SHA256\nssl.enabled.protocols=TLSv1.2',
      'leave no protocol that could be spoken',
    ],
    ['ssl.principal.mapping.rules=RULE:x', 'Invalid rule: `RULE:x`'],
  ])('refuses %s', async (property, reason) => {
    const keys = `ssl.keystore.type=PEM\nssl.keystore.key=${inOneLine(first.key)}\nssl.keystore.certificate.chain=${inOneLine(first.certificate)}\n`
    await expect(startBroker({ memory: true, properties: listening + keys + property })).rejects.toThrow(reason)
  })

  it('has the cipher suites that are set, by the names that Java has for them', async () => {
    const keys = `ssl.keystore.type=PEM\nssl.keystore.key=${inOneLine(first.key)}\nssl.keystore.certificate.chain=${inOneLine(first.certificate)}\n`
    const broker = await start(`${listening}${keys}ssl.cipher.suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n`)
    const socket = (await overTls(broker)).socket as ReturnType<typeof connect>
    expect(socket.getCipher().standardName).toBe('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256')
  })
})
