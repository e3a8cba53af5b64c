// interop: docs/examples/three-brokers.properties as it is documented, with `odradek certs` before it: kafkajs and node-rdkafka over TLS and by each
// SASL mechanism, each time on all three brokers. Its ports are any free ones, and unsigned OAUTHBEARER tokens are let in besides.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { UnsecuredJWT } from 'jose'
import { startOdradek } from './broker.ts'
import type { ClientDescription } from './client.ts'
import { assertEqual } from './report.ts'
import type { Run } from './run.ts'
import { text } from './run.ts'
import { command, type Place, startWith } from './secure.ts'

const protocols = ['PLAINTEXT', 'SSL', 'SASL_SSL'] as const
const security = 'org.apache.kafka.common.security'
const partitions = 3

/** A way to connect, in the words of each client. */
type Way = { name: string; protocol: (typeof protocols)[number]; kafkajs: object; 'node-rdkafka': object }

export async function exampleBrokers(run: Run, place: Place): Promise<void> {
  const { root } = place
  const directory = `${place.directory}/example-brokers`
  const certificates = `${directory}/certs`
  mkdirSync(directory, { recursive: true })
  command(process.execPath, [`${root}/dist/main.cjs`, 'certs', '--dir', certificates])
  const config = `${directory}/three-brokers.properties`
  writeFileSync(config, configOf(readFileSync(`${root}/docs/examples/three-brokers.properties`, 'utf8'), certificates))
  const broker = await startOdradek(root, directory, (reason) => run.report.fail('all', 'exampleBrokers', reason), {
    config,
  })
  place.running.push(broker)
  try {
    const addresses = /ready at (\S+), /.exec(readFileSync(`${directory}/broker.log`, 'utf8'))![1]!.split(',')
    await Promise.all(
      run.clients.map(async ({ description }) => {
        for (const [index, way] of ways(certificates).entries()) {
          // Each way starts at another broker; the topic's leaders are on all of them.
          const listener = (index % 3) * protocols.length + protocols.indexOf(way.protocol)
          await tryWay(run, { ...place, directory }, description, { way, bootstrap: addresses[listener]! })
        }
      }),
    )
  } finally {
    await broker.stop()
  }
}

function configOf(example: string, certificates: string): string {
  const handler = `${security}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`
  return `${example
    .replaceAll(/:9\d\d\d\b|:9100\b/g, ':0')
    .replaceAll('=odradek-certs/', `=${certificates}/`)
    .replace(/^sasl\.enabled\.mechanisms=.*/m, '$&,OAUTHBEARER')}
listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class=${handler}
`
}

/** Writes to the leader of each partition, which are on three brokers, and reads it back. */
async function tryWay(
  run: Run,
  place: Place,
  description: ClientDescription,
  { way, bootstrap }: { way: Way; bootstrap: string },
): Promise<void> {
  const settings = way[description.name as 'kafkajs' | 'node-rdkafka'] as object | undefined
  if (settings === undefined) return
  await run.report.check(description.name, `goes to all three brokers of the example by ${way.name}`, async () => {
    const client = await startWith(place, description, settings, bootstrap)
    try {
      const topic = `example-${description.name}-${way.name}`
      await client.call('createTopic', { topic, partitions, replicationFactor: 1 })
      const records = Array.from({ length: partitions }, (_, partition) => ({
        partition,
        key: null,
        value: text(`of ${partition}`),
        headers: [],
      }))
      await client.call('produce', { topic, codec: 'none', records })
      const read = await client.call('consume', { topic, partitions, count: records.length })
      assertEqual(read.map(({ value }) => value).sort(), records.map(({ value }) => value).sort(), 'records')
    } finally {
      await client.close()
    }
  })
}

function ways(certificates: string): Way[] {
  const ca = readFileSync(`${certificates}/ca.pem`, 'utf8')
  const tls = { 'security.protocol': 'ssl', 'ssl.ca.location': `${certificates}/ca.pem` }
  const login = (mechanism: string, username: string, password: string): Way => ({
    name: mechanism,
    protocol: 'SASL_SSL',
    kafkajs: { ssl: { ca }, sasl: { mechanism: mechanism.toLowerCase(), username, password } },
    'node-rdkafka': {
      ...tls,
      'security.protocol': 'sasl_ssl',
      'sasl.mechanisms': mechanism,
      'sasl.username': username,
      'sasl.password': password,
    },
  })
  return [
    { name: 'PLAINTEXT', protocol: 'PLAINTEXT', kafkajs: {}, 'node-rdkafka': {} },
    { name: 'SSL', protocol: 'SSL', kafkajs: { ssl: { ca } }, 'node-rdkafka': tls },
    login('PLAIN', 'test', 'testtest'),
    login('SCRAM-SHA-256', 'testscram', 'testtestscram=256'),
    login('SCRAM-SHA-512', 'testscram', 'testtestscram=512'),
    {
      name: 'OAUTHBEARER',
      protocol: 'SASL_SSL',
      kafkajs: {
        ssl: { ca },
        sasl: { mechanism: 'oauthbearer' },
        token: new UnsecuredJWT({ sub: 'olga' }).setIssuedAt().setExpirationTime('1h').encode(),
      },
      'node-rdkafka': {
        ...tls,
        'security.protocol': 'sasl_ssl',
        'sasl.mechanisms': 'OAUTHBEARER',
        'enable.sasl.oauthbearer.unsecure.jwt': 'true',
        'sasl.oauthbearer.config': 'principal=olga',
      },
    },
  ]
}
