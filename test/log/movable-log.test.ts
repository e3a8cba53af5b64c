/** A log that is moved to another directory is the same log to whoever uses it. */
import { expect, it, onTestFinished } from 'vitest'
import { MovableLog } from '../../src/log/movable-log.ts'
import { batch, config, openDirectory } from './fixtures.ts'

const name = { topic: 'topic', partition: 0 }

async function open() {
  const directory = await openDirectory()
  onTestFinished(() => directory.close())
  const movable = new MovableLog(await directory.openPartition({ ...name, config: config() }))
  const move = (meanwhile: () => void = () => {}) =>
    movable.move(async () => {
      meanwhile()
      await directory.release(name)
      return directory.openPartition({ ...name, config: config() })
    })
  return { movable, move }
}

it('its high watermark is still held after a move', async () => {
  const { movable, move } = await open()
  await movable.append(batch(1), 'client')
  movable.holdHighWatermark(true)
  await movable.append(batch(1), 'client')
  await move()
  expect([movable.highWatermark, movable.logEndOffset]).toEqual([1, 2])
  movable.holdHighWatermark(false)
  expect(movable.highWatermark).toBe(2)
})

it('its high watermark is held, or let go, from the end of a move on that was under way', async () => {
  const { movable, move } = await open()
  await movable.append(batch(1), 'client')
  await move(() => movable.holdHighWatermark(true))
  await movable.append(batch(1), 'client')
  expect(movable.highWatermark).toBe(1)
  await move(() => movable.holdHighWatermark(false))
  expect(movable.highWatermark).toBe(2)
})

it('appends that waited for the end of a truncation when a move began are in it', async () => {
  const { movable, move } = await open()
  await movable.append(batch(1), 'client')
  await movable.append(batch(1), 'client')
  const truncated = movable.current.truncate(1)
  const appended = movable.append(batch(1), 'client')
  await Promise.all([truncated, move()])
  await expect(appended).resolves.toMatchObject({ baseOffset: 1 })
  expect(movable.logEndOffset).toBe(2)
})
