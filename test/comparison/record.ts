/**
 * test: records what Apache Kafka answers to one suite: `npx tsx test/comparison/record.ts localhost:PORT SUITE`, on a fresh single node
 * (node.id 1, group.initial.rebalance.delay.ms 0) that has the suite's configs; without an address it prints these.
 */
import { apiVersions } from '../../protocol/messages/index.ts'
import { handlers } from '../../src/handlers/index.ts'
import { Conversation, type Told, type Versions } from './conversation.ts'
import { writeFixture, writeVersions } from './fixtures.ts'
import { Peer } from './peer.ts'
import { suites } from './suites.ts'

/** Kafka says 0 in ApiVersions, for a client's sake, and refuses what is below. */
const firstProduceVersion = 3

/** Kafka's broker hears of changes from its controller, after these are answered. */
const changesSettleMs = 300

async function versionsOfBoth(port: number): Promise<Versions> {
  const peer = new Peer(port)
  const answer = await peer.ask(apiVersions, 0, {})
  peer.close()
  if (typeof answer === 'string') throw new Error(answer)
  const versions: Record<string, { first: number; last: number }> = {}
  for (const { api, versions: ours } of handlers) {
    // Telemetry is served without being advertised.
    const theirs = answer.apiKeys.find(({ apiKey }) => apiKey === api.key) ?? { minVersion: 0, maxVersion: 0 }
    const first = Math.max(ours.first, api.name === 'Produce' ? firstProduceVersion : theirs.minVersion)
    versions[api.name] = { first, last: Math.min(ours.last, theirs.maxVersion) }
  }
  return versions
}

async function record(port: number, suiteName: string): Promise<void> {
  const suite = suites.find(({ name }) => name === suiteName)
  if (suite === undefined) throw new Error(`There is no suite ${suiteName}`)
  const versions = await versionsOfBoth(port)
  writeVersions(versions)
  const told: Record<string, Told> = {}
  for (const { name, run } of suite.scenarios) {
    const conversation = new Conversation(port, versions, changesSettleMs)
    try {
      await run(conversation)
    } finally {
      conversation.close()
    }
    told[name] = conversation.told
  }
  writeFixture(suite.name, told)
}

const [address, suiteName] = process.argv.slice(2)
if (address === undefined || suiteName === undefined) {
  for (const { name, configs } of suites) {
    const settings = Object.entries(configs).map(([key, value]) => `${key}=${value}`)
    console.log(name, ...settings)
  }
} else await record(Number(address.split(':')[1]), suiteName)
