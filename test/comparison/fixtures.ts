/**
 * test: what Apache Kafka answered, as files under test/fixtures/comparison. Versions of a step with the same answer are kept once
 * (`"3-5": ...`); a step told at one version only has no version range in common with others.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Told, Versions } from './conversation.ts'
import type { Json } from './masks.ts'

const kafkaVersion = '4.3.1'
const directory = join(import.meta.dirname, '../fixtures/comparison')

interface Fixture {
  readonly kafka: string
  readonly scenarios: Record<string, Record<string, Record<string, Json>>>
}

export function readVersions(): Versions {
  return JSON.parse(readFileSync(join(directory, 'versions.json'), 'utf8')).versions
}

export function writeVersions(versions: Versions): void {
  write('versions', { kafka: kafkaVersion, versions })
}

/** Scenario by name. */
export function readFixture(suite: string): Record<string, Told> {
  const { kafka, scenarios }: Fixture = JSON.parse(readFileSync(join(directory, `${suite}.json`), 'utf8'))
  if (kafka !== kafkaVersion) throw new Error(`${suite} was recorded from Kafka ${kafka}`)
  return mapValues(scenarios, (steps) => mapValues(steps, expanded))
}

export function writeFixture(suite: string, told: Record<string, Told>): void {
  write(suite, { kafka: kafkaVersion, scenarios: mapValues(told, (steps) => mapValues(steps, folded)) })
}

/** A line per answer keeps the file short and its diffs readable. */
function write(name: string, value: object): void {
  const isAnswer = (depth: number) => depth >= 4
  writeFileSync(join(directory, `${name}.json`), `${render(value as Json, 0, isAnswer)}\n`)
}

function render(value: Json, depth: number, isLeaf: (depth: number) => boolean): string {
  if (isLeaf(depth) || value === null || typeof value !== 'object') return JSON.stringify(value)
  const indent = '  '.repeat(depth + 1)
  const lines = Object.entries(value).map(
    ([name, each]) => `${indent}${JSON.stringify(name)}: ${render(each as Json, depth + 1, isLeaf)}`,
  )
  return `{\n${lines.join(',\n')}\n${'  '.repeat(depth)}}`
}

function folded(byVersion: Record<number, Json>): Record<string, Json> {
  const runs: { first: number; last: number; answer: Json }[] = []
  for (const version of Object.keys(byVersion).map(Number)) {
    const answer = byVersion[version]!
    const run = runs.at(-1)
    if (run !== undefined && run.last === version - 1 && JSON.stringify(run.answer) === JSON.stringify(answer)) {
      run.last = version
    } else runs.push({ first: version, last: version, answer })
  }
  return Object.fromEntries(
    runs.map(({ first, last, answer }) => [first === last ? `v${first}` : `v${first}-${last}`, answer]),
  )
}

function expanded(ranges: Record<string, Json>): Record<number, Json> {
  const byVersion: Record<number, Json> = {}
  for (const [range, answer] of Object.entries(ranges)) {
    const [first, last = first] = range.slice(1).split('-').map(Number)
    for (let version = first!; version <= last!; version++) byVersion[version] = answer
  }
  return byVersion
}

function mapValues<A, B>(values: Record<string, A>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]))
}
