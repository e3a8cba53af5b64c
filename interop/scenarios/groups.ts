// interop: classic groups. Members come and go with each assignor, and every partition has one owner, whoever the members are.
import type { Client } from './client.ts'
import { assertEqual } from './report.ts'
import { checkClient, eachClient, eventually, type Run, text } from './run.ts'

export const partitions = 6

export async function groups(run: Run): Promise<void> {
  await eachClient(run, async (client) => {
    for (const assignor of client.description.assignors) await membersComeAndGo(run, client, assignor)
    if (client.description.staticMembers) await staticMember(run, client)
    await growingTopic(run, client)
    if (client.description.followsTopics.appearing) await comingAndGoingTopic(run, client)
  })
  for (const assignor of ['range', 'roundrobin', 'sticky', 'cooperative-sticky']) await mixedGroup(run, assignor)
}

export type Member = { client: Client; name: string }

const assignments = (members: Member[]) =>
  Promise.all(members.map(({ client, name }) => client.call('assignment', { member: name })))

/** Waits until the members together own each partition once, and their shares are as even as can be. */
export function evenlyAssigned(members: Member[], topicPartitions = partitions, limitMs = 45_000): Promise<number[][]> {
  const [low, high] = [Math.floor(topicPartitions / members.length), Math.ceil(topicPartitions / members.length)]
  const all = Array.from({ length: topicPartitions }, (_, partition) => partition).join()
  const isEven = (owned: number[][]) =>
    owned.every((own) => own.length >= low && own.length <= high) &&
    owned
      .flat()
      .sort((a, b) => a - b)
      .join() === all
  return eventually(() => assignments(members), isEven, `assignment among ${members.length}`, limitMs)
}

let produced = 0
/** Writes two records to each partition and waits until the members between them were handed all. */
export async function deliver(run: Run, topic: string, members: Member[]): Promise<void> {
  const batch = produced++
  const values = Array.from({ length: partitions * 2 }, (_, index) => `${batch}-${index}`)
  const records = values.map((value, index) => ({
    partition: index % partitions,
    key: null,
    value: text(value),
    headers: [],
  }))
  await run.hands.call('produce', { topic, codec: 'none', records })
  const wanted = values.map((value, index) => `${index % partitions}:${value}`)
  const missing = async () => {
    const received = await Promise.all(members.map(({ client, name }) => client.call('received', { member: name })))
    const all = new Set(received.flat())
    return wanted.filter((value) => !all.has(value))
  }
  await eventually(missing, (left) => left.length === 0, 'records not yet delivered')
}

async function membersComeAndGo(run: Run, client: Client, assignor: string): Promise<void> {
  const topic = `${run.prefix}group-${client.name}-${assignor}`
  const group = `${topic}-group`
  const member = (name: string): Member => ({ client, name: `${group}-${name}` })
  const [first, second, third] = [member('first'), member('second'), member('third')]
  const join = ({ name }: Member) => client.call('join', { group, topic, assignor, member: name })
  const leave = ({ name }: Member) => client.call('leave', { member: name })
  await run.hands.call('createTopic', { topic, partitions })

  const here: Member[] = []
  const step = (behaviour: string, change: () => Promise<unknown>) =>
    checkClient(run, client, `${assignor}: ${behaviour}`, async () => {
      await change()
      await evenlyAssigned(here)
      await deliver(run, topic, here)
    })
  await step('a member alone has all partitions and is handed their records', async () => {
    here.push(first)
    await join(first)
  })
  await step('a second member takes half', async () => {
    here.push(second)
    await join(second)
  })
  await step('a third member takes a third', async () => {
    here.push(third)
    await join(third)
  })
  await step('a member that leaves hands its share to those that stay', async () => {
    here.shift()
    await leave(first)
  })
  await step('the last that stays has all again', async () => {
    here.shift()
    await leave(second)
  })
  await Promise.all(here.map((left) => leave(left).catch(() => null)))
}

/** KIP-345: a static member that is stopped and comes back finds its partitions, and nobody was disturbed. */
async function staticMember(run: Run, client: Client): Promise<void> {
  const topic = `${run.prefix}static-${client.name}`
  const group = `${topic}-group`
  const join = (name: string) =>
    client.call('join', { group, topic, assignor: 'range', member: `${group}-${name}`, instanceId: `instance-${name}` })
  const members = ['a', 'b'].map((name): Member => ({ client, name: `${group}-${name}` }))
  await checkClient(run, client, 'a static member comes back to its partitions', async () => {
    await run.hands.call('createTopic', { topic, partitions })
    await join('a')
    await join('b')
    const before = await evenlyAssigned(members)
    await client.call('leave', { member: `${group}-a` })
    assertEqual(await client.call('assignment', { member: `${group}-b` }), before[1], "the other member's partitions")
    await join('a')
    const after = await evenlyAssigned(members)
    assertEqual(after, before, 'partitions')
    await deliver(run, topic, members)
  })
  await Promise.all(members.map(({ name }) => client.call('leave', { member: name }).catch(() => null)))
}

/** How soon members look whether a topic has changed. */
const metadataMaxAgeMs = 1_000

/** Members have looked more than once by then; that they have found nothing can't be seen. */
const metadataIsOld = () => new Promise((resolve) => setTimeout(resolve, 3 * metadataMaxAgeMs))

/** Nobody tells a classic member that a topic has got partitions: it sees it in the metadata, and joins again. */
async function growingTopic(run: Run, client: Client): Promise<void> {
  const topic = `${run.prefix}growing-${client.name}`
  const group = `${topic}-group`
  const members = ['a', 'b'].map((name): Member => ({ client, name: `${group}-${name}` }))
  await checkClient(run, client, 'members share out the partitions that a topic gets', async () => {
    await run.hands.call('createTopic', { topic, partitions: partitions / 2 })
    for (const { name } of members) {
      await client.call('join', { group, topic, assignor: 'range', member: name, metadataMaxAgeMs })
    }
    await evenlyAssigned(members, partitions / 2)
    await run.hands.call('createPartitions', { topic, count: partitions })
    await evenlyAssigned(members)
    await deliver(run, topic, members)
  })
  await Promise.all(members.map(({ name }) => client.call('leave', { member: name }).catch(() => null)))
}

async function comingAndGoingTopic(run: Run, client: Client): Promise<void> {
  const topic = `${run.prefix}coming-${client.name}`
  const group = `${topic}-group`
  const members = ['a', 'b'].map((name): Member => ({ client, name: `${group}-${name}` }))
  await checkClient(run, client, 'members wait for a topic to appear', async () => {
    for (const { name } of members) {
      await client.call('join', { group, topic, assignor: 'range', member: name, metadataMaxAgeMs })
    }
    await metadataIsOld()
    await evenlyAssigned(members, 0)
    await run.hands.call('createTopic', { topic, partitions })
    await evenlyAssigned(members)
    await deliver(run, topic, members)
  })
  if (client.description.followsTopics.disappearing) {
    await checkClient(run, client, 'members let go of a topic that disappears', async () => {
      await run.hands.call('deleteTopic', { topic })
      await evenlyAssigned(members, 0)
    })
  }
  await Promise.all(members.map(({ name }) => client.call('leave', { member: name }).catch(() => null)))
}

/** One group of all clients that know the assignor; then each leaves in turn. */
async function mixedGroup(run: Run, assignor: string): Promise<void> {
  const able = run.clients.filter((client) => client.description.assignors.includes(assignor))
  if (able.length < 2) return
  const topic = `${run.prefix}mixed-${assignor}`
  const group = `${topic}-group`
  await run.hands.call('createTopic', { topic, partitions })
  const members = able.map((client): Member => ({ client, name: `${group}-${client.name}` }))
  const names = able.map((client) => client.name).join(', ')
  await run.report.check('all', `${assignor}: ${names} share one group`, async () => {
    for (const { client, name } of members) await client.call('join', { group, topic, assignor, member: name })
    await evenlyAssigned(members)
    await deliver(run, topic, members)
  })
  const left = [...members]
  const received: string[] = []
  await run.report.check(
    'all',
    `${assignor}: they leave the shared group one by one, and no record is handed out twice`,
    async () => {
      while (left.length > 1) {
        const { client, name } = left.shift()!
        received.push(...(await client.call('received', { member: name })))
        await client.call('leave', { member: name })
        await evenlyAssigned(left)
        await deliver(run, topic, left)
      }
      const [last] = left as [Member]
      received.push(...(await last.client.call('received', { member: last.name })))
      const twice = received.filter((value, index) => received.indexOf(value) !== index)
      assertEqual(twice, [], 'records that were handed out twice')
    },
  )
  await run.report.check(
    'all',
    `${assignor}: ${able[0]!.name} comes back twice, to a group that another leads`,
    async () => {
      for (const time of ['second', 'third']) {
        const member: Member = { client: able[0]!, name: `${group}-${time}` }
        await member.client.call('join', { group, topic, assignor, member: member.name })
        left.push(member)
        await evenlyAssigned(left)
      }
      await deliver(run, topic, left)
      const before = await evenlyAssigned(left)
      const { client, name } = left.pop()!
      await client.call('leave', { member: name })
      const after = await evenlyAssigned(left)
      if (assignor !== 'sticky') return
      const lost = left.flatMap((_member, index) =>
        before[index]!.filter((partition) => !after[index]!.includes(partition)),
      )
      assertEqual(lost, [], 'partitions that those who stay have lost')
    },
  )
  await Promise.all(left.map(({ client, name }) => client.call('leave', { member: name }).catch(() => null)))
}
