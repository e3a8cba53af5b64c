import { expect, it } from 'vitest'
import { Reader } from '../../protocol/schema/index.ts'
import { handlers } from '../../src/handlers/index.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { Chance } from '../simulation/chance.ts'
import { attack } from './attack.ts'
import { isServed, startUnderTest } from './broker-under-test.ts'
import { hostileFrame, wholeFrame } from './mutations.ts'
import { anyRequest, prepare } from './requests.ts'

const sasl = {
  listeners: 'PLAINTEXT://127.0.0.1:0,SASL_PLAINTEXT://127.0.0.1:0',
  'sasl.enabled.mechanisms': 'PLAIN',
  'sasl.jaas.config': 'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="a";',
  'group.initial.rebalance.delay.ms': '0',
}

it('requests that frames are made from are of every API and version, and whole', () => {
  const chance = new Chance(new SeededRandom(1))
  const seen = new Set<string>()
  const served = handlers.flatMap(({ api, versions }) =>
    Array.from({ length: versions.last - versions.first + 1 }, (_, index) => `${api.key} ${versions.first + index}`),
  )
  for (let count = 0; count < 20_000 && seen.size < served.length; count += 1) {
    const body = anyRequest(chance, { topicIds: [] })
    seen.add(`${new Reader(body.subarray(0, 2)).int16()} ${new Reader(body.subarray(2, 4)).int16()}`)
  }
  expect([...seen].sort()).toEqual(served.sort())
})

it('frames of a seed are the same each time', () => {
  const target = { topicIds: ['AAAAAAAAAAAAAAAAAAAAAQ'] }
  const first = Array.from({ length: 50 }, (_, index) => hostileFrame(5, index, target).bytes.toString('hex'))
  expect(first).toEqual(first.map((_, index) => hostileFrame(5, index, target).bytes.toString('hex')))
})

it.each([
  ['whole', wholeFrame],
  ['hostile', hostileFrame],
] as const)('%s frames of every API leave a broker without an error, and others are served', async (_, make) => {
  const { ports, errors } = await startUnderTest(sasl)
  const target = await prepare(ports[0]!)
  await attack({ ports, connections: 16, count: 1500, frame: (index) => make(11, index, target) })
  expect(errors).toEqual([])
  expect(await isServed(ports[0]!)).toBe(true)
})
