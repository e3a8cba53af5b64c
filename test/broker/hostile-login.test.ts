/** Clients that mean ill, before they are anybody: they are cut off, and a good one beside them is served. */
import { randomBytes } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { metadata } from '../../protocol/messages/metadata.ts'
import { type RunningBroker, startBroker } from '../../src/broker.ts'
import { framed, RawClient, until } from '../network/raw-client.ts'
import { SaslClient } from '../security/sasl-client.ts'

const properties = `listeners=SASL_PLAINTEXT://127.0.0.1:0
security.inter.broker.protocol=SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="a";
`

async function start(more = ''): Promise<{ broker: RunningBroker; port: number; lines: string[] }> {
  const lines: string[] = []
  const log = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`)
  const logger = { debug: () => {}, info: () => {}, warn: log, error: log }
  const broker = await startBroker({ memory: true, properties: properties + more, logger })
  onTestFinished(() => broker.close())
  return { broker, port: Number(broker.bootstrapServers.split(':').at(-1)), lines }
}

async function connect(port: number): Promise<SaslClient> {
  const client = await SaslClient.connect(port)
  onTestFinished(() => client.destroy())
  return client
}

async function isServed(port: number): Promise<boolean> {
  const client = await connect(port)
  await client.plain('alice', 'a')
  return (await client.ask(metadata, 12, { topics: null })).brokers.length === 1
}

describe('before its login, a client', () => {
  it('that announces more than sasl.server.max.receive.size is cut off, also in the middle', async () => {
    const { port, lines } = await start('sasl.server.max.receive.size=1000\n')
    const first = await RawClient.connect(port)
    first.send(Buffer.from([0, 0, 0x10, 0]))
    await first.closed()
    const second = await connect(port)
    await second.handshake('PLAIN')
    second.raw.send(framed(Buffer.alloc(1001)))
    await second.closed()
    await until(() => lines.length === 2)
    expect(lines.every((line) => line.includes('is larger than 1000 (sasl.server.max.receive.size)'))).toBe(true)
    expect(await isServed(port)).toBe(true)
  })

  it('that sends rubbish is cut off', async () => {
    const { port } = await start()
    for (let round = 0; round < 50; round += 1) {
      const raw = await RawClient.connect(port)
      raw.send(round % 2 === 0 ? framed(randomBytes(round)) : randomBytes(200))
      raw.socket.end()
      await raw.closed()
    }
    expect(await isServed(port)).toBe(true)
  })

  it('whose tokens are rubbish is refused, by each mechanism', async () => {
    const { port } = await start('connection.failed.authentication.delay.ms=0\n')
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256']) {
      for (const token of [Buffer.alloc(0), Buffer.alloc(500_000, 'n,'), randomBytes(1000), Buffer.from('n,,n=,r=')]) {
        const client = await connect(port)
        await client.handshake(mechanism)
        expect(await client.authenticate(token)).toMatchObject({ errorCode: 58 })
        await client.closed()
      }
    }
  })

  it('that guesses waits for each answer, while others do not', async () => {
    const { port } = await start('connection.failed.authentication.delay.ms=60000\n')
    const guessing = await Promise.all(
      Array.from({ length: 20 }, async (_, guess) => {
        const client = await connect(port)
        await client.handshake('PLAIN')
        await client.raw.sent(Buffer.alloc(0))
        void client.authenticate(`\0alice\0${guess}`).catch(() => {})
        return client
      }),
    )
    expect(await isServed(port)).toBe(true)
    expect(guessing.every(({ raw }) => !raw.isClosed)).toBe(true)
  })

  it('gets nothing served that it sends behind a login that fails', async () => {
    const { port } = await start('connection.failed.authentication.delay.ms=0\n')
    const client = await connect(port)
    await client.handshake('PLAIN')
    const failed = client.authenticate('\0alice\0wrong')
    client.send(metadata, 12, { topics: null })
    expect(await failed).toMatchObject({ errorCode: 58 })
    expect((await client.closed()).length).toBe(0)
  })
})
