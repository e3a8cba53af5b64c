/** test: a whole broker in memory, with what it logged, for tests of those who mean ill; and a client to ask whether it still serves. */
import { onTestFinished } from 'vitest'
import { metadata } from '../../protocol/messages/index.ts'
import type { Api } from '../../protocol/schema/index.ts'
import { startBroker } from '../../src/broker.ts'
import { RawClient } from '../network/raw-client.ts'
import { answer, request } from '../server/serving.ts'

export interface BrokerUnderTest {
  /** Of each listener. */
  readonly ports: readonly number[]
  /** Lines of level error: there should be none. */
  readonly errors: readonly string[]
}

export async function startUnderTest(settings: Readonly<Record<string, string>> = {}): Promise<BrokerUnderTest> {
  const errors: string[] = []
  const error = (fields: object, message: string): void => {
    errors.push(`${message} ${(fields as { err?: Error }).err?.stack ?? JSON.stringify(fields)}`)
  }
  const broker = await startBroker({
    memory: true,
    settings: { listeners: 'PLAINTEXT://127.0.0.1:0', ...settings },
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error },
  })
  onTestFinished(() => broker.close())
  const ports = broker.bootstrapServers.split(',').map((address) => Number(address.split(':').at(-1)))
  return { ports, errors }
}

export async function connected(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port)
  onTestFinished(() => client.destroy())
  return client
}

export async function ask<T>(client: RawClient, api: Api, version: number, body: object): Promise<T> {
  client.send(request(api, version, body))
  return answer<T>(api, version, await client.frame()).body
}

/** A newcomer gets an answer. */
export async function isServed(port: number): Promise<boolean> {
  const client = await connected(port)
  const { brokers } = await ask<{ brokers: object[] }>(client, metadata as Api, 12, { topics: null })
  client.destroy()
  return brokers.length === 1
}
