/** test: the process that attacks, a child of the fuzz command, so that making frames takes no time of who measures. */
import { attack } from './attack.ts'
import { hostileFrame, wholeFrame } from './mutations.ts'
import { prepare } from './requests.ts'

export interface AttackOrder {
  readonly ports: readonly number[]
  readonly seed: number
  /** Of the first frame. */
  readonly from: number
  readonly count: number
  readonly connections: number
  /** Nothing is changed in them. */
  readonly isWhole: boolean
}

process.on('message', async ({ ports, seed, from, count, connections, isWhole }: AttackOrder) => {
  const target = await prepare(ports[0]!)
  const make = isWhole ? wholeFrame : hostileFrame
  await attack({ ports, connections, count, frame: (index) => make(seed, from + index, target) })
  process.send!('done')
})
process.on('disconnect', () => process.exit())
