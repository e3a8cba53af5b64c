/** test: the process that attacks, a child of the fuzz command, so that making frames takes no time of who measures. */
import { attack } from './attack.ts'
import { type HostileFrame, hostileFrame, wholeFrame } from './mutations.ts'
import { prepare } from './requests.ts'

export interface AttackOrder {
  /** Of the broker. */
  readonly ports: readonly number[]
  /** What is attacked in its place. */
  readonly otherPorts?: readonly number[]
  readonly seed: number
  /** Of the first frame. */
  readonly from: number
  readonly count: number
  readonly connections: number
  /** Nothing is changed in them. */
  readonly isWhole: boolean
  /** As fast as they are answered, unless told. Told so, they are made first, and 'ready' is said then: making them takes no time of who is measured. */
  readonly framesPerSecond?: number
  readonly framesAhead?: number
}

process.on('message', async (order: AttackOrder) => {
  const { ports, otherPorts, seed, from, count, connections, isWhole, framesPerSecond, framesAhead } = order
  const target = await prepare(ports[0]!)
  const make = isWhole ? wholeFrame : hostileFrame
  const isPaced = framesPerSecond !== undefined
  const made = isPaced ? Array.from({ length: count }, (_, index) => make(seed, from + index, target)) : []
  if (isPaced) process.send!('ready')
  const frame = (index: number): HostileFrame => made[index] ?? make(seed, from + index, target)
  await attack({ ports: otherPorts ?? ports, connections, count, frame, framesPerSecond, framesAhead })
  process.send!('done')
})
process.on('disconnect', () => process.exit())
