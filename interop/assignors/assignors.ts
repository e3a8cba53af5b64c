// interop: our assignors beside Kafka's own classes: thousands of seeded groups, and for each the same answer.
import { appendFileSync } from 'node:fs'
import { clientAssignors, decodeAssignment, type TopicPartitions } from '../../src/groups/assignors/index.ts'
import { java } from '../java/client.ts'
import { Client, type Installed } from '../scenarios/client.ts'
import { assert, assertEqual } from '../scenarios/report.ts'
import type { Run } from '../scenarios/run.ts'
import { type Answer, type Input, type Kind, kinds, listed, type Step, steps } from './inputs.ts'

type Answered = { assigned: Record<string, string | { topic: string; partitions: number[] }[]> } | { error: string }

const inputsEach = Number(process.env.INTEROP_ASSIGNOR_INPUTS ?? 500)
const seed = Number(process.env.INTEROP_SEED ?? 1)
const batch = 250
/** A file to add some inputs and Kafka's answers to, a JSON object a line: the tests' fixture. */
const record = process.env.INTEROP_RECORD_ASSIGNORS
const recordedEach = 12

const somePartitions: readonly TopicPartitions[] = [{ topic: 'orders', partitions: [4, 0, 2] }]

export async function assignors(run: Run, installed: Installed, directory: string): Promise<void> {
  if (java.missing(installed) !== undefined || !run.clients.some(({ name }) => name === 'java')) return
  const command: typeof java.command = (...given) => {
    const { file, args } = java.command(...given)
    // Kafka's assignors log an error for each pair of members that claim the same, which here is meant.
    return { file, args: [...args.slice(0, -2), '-Dorg.slf4j.simpleLogger.defaultLogLevel=off', 'Assignors'] }
  }
  const kafka = await Client.start({ ...java, name: 'assignors', command }, installed, '', directory)
  const call = kafka.call.bind(kafka) as (method: string, request: unknown) => Promise<unknown>
  try {
    for (const kind of kinds)
      await run.report.check('assignors', `${kind.assignor} of the ${kind.side}: as Kafka's`, () => compare(call, kind))
    for (const assignor of clientAssignors.values())
      await run.report.check('assignors', `${assignor.name}: user data as Kafka's`, async () => {
        for (const previous of [
          null,
          { partitions: [], generationId: 0 },
          { partitions: somePartitions, generationId: 7 },
        ]) {
          const { partitions, generationId } = previous ?? { partitions: null, generationId: -1 }
          const theirs = await call('userData', { assignor: assignor.name, partitions, generationId })
          assertEqual(
            assignor.userData(previous)?.toString('base64') ?? null,
            theirs,
            `after ${JSON.stringify(previous)}`,
          )
        }
      })
  } finally {
    await kafka.close()
  }
}

async function compare(call: (method: string, request: unknown) => Promise<unknown>, kind: Kind): Promise<void> {
  const all = steps(kind, seed, inputsEach)
  const inexact: { ours: Figures; theirs: Figures }[] = []
  const recordable: object[] = []
  let [wrong, never] = [0, 0]
  for (let from = 0; from < all.length; from += batch) {
    const some = all.slice(from, from + batch)
    const answers = (await call(
      'assign',
      some.map(({ input }) => input),
    )) as Answered[]
    for (const [index, step] of some.entries()) {
      const theirs = read(step.input, answers[index]!)
      const difference = differenceOf(step, theirs)
      if (difference !== undefined) {
        console.log(`# input: ${JSON.stringify(step.input)}`)
        throw new Error(`input ${from + index} of INTEROP_SEED=${seed} (above): ${difference}`)
      }
      if (theirs instanceof Map && !isWrong(step.input, theirs)) {
        if (step.isExact) recordable.push({ input: step.input, answer: Object.fromEntries(theirs) })
        else inexact.push({ ours: figuresOf(step, step.ours), theirs: figuresOf(step, theirs) })
      } else {
        wrong += 1
        if (typeof theirs === 'string' && theirs.startsWith('no answer')) never += 1
      }
    }
  }
  if (record) appendFileSync(record, linesOf(recordable))
  const sum = (side: 'ours' | 'theirs', figure: keyof Figures) =>
    inexact.reduce((total, one) => total + one[side][figure], 0)
  console.log(
    `# assignors: ${kind.assignor} of the ${kind.side}: ${all.length} inputs, ${all.length - wrong - inexact.length} the same; ` +
      `${wrong} that Kafka answers wrongly, ${never} of them never; ${inexact.length} by figures: ` +
      `kept ${sum('ours', 'kept')} (Kafka ${sum('theirs', 'kept')}), unevenness ${sum('ours', 'unevenness')} (${sum('theirs', 'unevenness')})`,
  )
  assert(wrong * 20 <= all.length, `Kafka answers ${wrong} of ${all.length} inputs wrongly: these try nothing`)
  assert(sum('ours', 'kept') >= sum('theirs', 'kept') * 0.95, 'less is kept than by Kafka where answers may differ')
  assert(
    sum('ours', 'unevenness') <= sum('theirs', 'unevenness') * 1.05,
    'less even than Kafka where answers may differ',
  )
}

/** Small ones, from all over. */
function linesOf(recordable: readonly object[]): string {
  const lines = recordable
    .map((one) => `${JSON.stringify(one)}\n`)
    .filter(({ length }) => length > 600 && length < 2500)
  const every = Math.max(1, Math.floor(lines.length / recordedEach))
  return lines
    .filter((_line, index) => index % every === 0)
    .slice(0, recordedEach)
    .join('')
}

/** Undefined where all is well. */
function differenceOf({ input, ours, isExact }: Step, theirs: Answer | string): string | undefined {
  const mistake = isWrong(input, ours)
  if (mistake !== undefined) return mistake
  if (!isExact || typeof theirs === 'string' || isWrong(input, theirs)) return undefined
  const memberIds = input.members.map(({ memberId }) => memberId)
  const differs = memberIds.find((memberId) => text(input, ours, memberId) !== text(input, theirs, memberId))
  return differs && `${differs} has ${text(input, ours, differs)}, by Kafka ${text(input, theirs, differs)}`
}

type Figures = { kept: number; unevenness: number }

function figuresOf({ input, had }: Step, answer: Answer): Figures {
  const names = (assigned: readonly TopicPartitions[]) =>
    assigned.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`))
  const loads = input.members.map(({ memberId }) => names(answer.get(memberId) ?? []).length)
  const kept = input.members.map(({ memberId }) => {
    const before = new Set(names(had.get(memberId)!))
    return names(answer.get(memberId) ?? []).filter((name) => before.has(name)).length
  })
  const unevenness = loads.flatMap((load) => loads.map((other) => Math.abs(load - other)))
  return { kept: kept.reduce((a, b) => a + b, 0), unevenness: unevenness.reduce((a, b) => a + b, 0) / 2 }
}

function read(input: Input, answered: Answered): Answer | string {
  if ('error' in answered) return answered.error
  if (input.side === 'server') return new Map(Object.entries(answered.assigned)) as Answer
  const assignments = Object.entries(answered.assigned).map(
    ([memberId, bytes]) => [memberId, decodeAssignment(Buffer.from(bytes as string, 'base64'))] as const,
  )
  return listed(new Map(assignments))
}

/** Why nobody should be assigned this: a partition twice, or one that its owner has not subscribed to. */
function isWrong(input: Input, answer: Answer): string | undefined {
  const seen = new Set<string>()
  for (const [memberId, assigned] of answer) {
    const member = input.members.find((one) => one.memberId === memberId)
    for (const { topic, partitions } of assigned)
      for (const partition of partitions) {
        const name = `${topic}-${partition}`
        if (seen.has(name)) return `${name} has two owners`
        seen.add(name)
        if (!member?.topics.includes(topic)) return `${memberId} has ${name}, which it has not subscribed to`
        if (input.topics[topic]?.[partition] === undefined) return `${name} does not exist`
      }
  }
  return undefined
}

/** The coordinator writes down the order of a member's topics too; on the client's side nobody sees it. */
function text({ side }: Input, answer: Answer, memberId: string): string {
  const assigned = (answer.get(memberId) ?? []).filter(({ partitions }) => partitions.length > 0)
  if (side === 'client') assigned.sort((a, b) => (a.topic < b.topic ? -1 : 1))
  return assigned.map(({ topic, partitions }) => `${topic}:${partitions}`).join(' ')
}
