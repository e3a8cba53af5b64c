import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningBroker, startBroker } from '../../src/broker.ts'
import { Conversation, type Told } from './conversation.ts'
import { type Difference, differences } from './differences.ts'
import { readFixture, readVersions } from './fixtures.ts'
import type { Json } from './masks.ts'
import { suites } from './suites.ts'

const versions = readVersions()
const used = new Set<Difference>()

describe.each(suites)('$name: Odradek answers as Apache Kafka', ({ name: suite, scenarios, configs }) => {
  const fixture = readFixture(suite)
  let broker: RunningBroker

  beforeAll(async () => {
    broker = await startBroker({
      port: 0,
      memory: true,
      settings: { 'node.id': '1', 'group.initial.rebalance.delay.ms': '0', ...configs },
    })
  })

  afterAll(() => broker.close())

  it.each(scenarios)('$name', async ({ name, run }) => {
    const conversation = new Conversation(Number(broker.bootstrapServers.split(':')[1]), versions)
    try {
      await run(conversation)
    } finally {
      conversation.close()
    }
    expect(compared(`${suite}: ${name}`, fixture[name] ?? {}, conversation.told)).toEqual([])
  })
})

it('differs in all that is listed as different', () => {
  expect(differences.filter((each) => !used.has(each))).toEqual([])
})

interface Unlike {
  /** `responses[0].errorCode` */
  readonly path: string
  readonly kafka: Json | undefined
  readonly odradek: Json | undefined
}

/** A line for each value that differs and is not listed. */
function compared(scenario: string, kafka: Told, odradek: Told): string[] {
  const versionsByLine = new Map<string, number[]>()
  for (const step of new Set([...Object.keys(kafka), ...Object.keys(odradek)])) {
    for (const version of Object.keys({ ...kafka[step], ...odradek[step] }).map(Number)) {
      for (const unlike of unlikes('', kafka[step]?.[version], odradek[step]?.[version])) {
        if (isListed(scenario, step, unlike)) continue
        const [theirs, ours] = [unlike.kafka, unlike.odradek].map((value) => JSON.stringify(value))
        const line = `${step}: ${unlike.path}: Kafka ${theirs}, Odradek ${ours}`
        versionsByLine.set(line, [...(versionsByLine.get(line) ?? []), version])
      }
    }
  }
  return [...versionsByLine].map(([line, versions]) => `v${versions}: ${line}`)
}

function isListed(scenario: string, step: string, { path, kafka, odradek }: Unlike): boolean {
  const found = differences.find(
    (each) =>
      each.scenarios.includes(scenario) &&
      (each.steps === 'all' || each.steps.includes(step)) &&
      (each.path === '*' || each.path === path) &&
      (!('kafka' in each) || (each.kafka === kafka && each.odradek === odradek)),
  )
  if (found !== undefined) used.add(found)
  return found !== undefined
}

function unlikes(path: string, kafka: Json | undefined, odradek: Json | undefined): Unlike[] {
  if (kafka === odradek) return []
  if (Array.isArray(kafka) && Array.isArray(odradek) && kafka.length === odradek.length) {
    return kafka.flatMap((each, index) => unlikes(`${path}[${index}]`, each, odradek[index]))
  }
  if (isStruct(kafka) && isStruct(odradek)) {
    const names = new Set([...Object.keys(kafka), ...Object.keys(odradek)])
    return [...names].flatMap((name) => unlikes(path === '' ? name : `${path}.${name}`, kafka[name], odradek[name]))
  }
  return [{ path, kafka, odradek }]
}

function isStruct(value: Json | undefined): value is { [name: string]: Json } {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
