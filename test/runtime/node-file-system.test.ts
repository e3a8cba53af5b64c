import fs from 'node:fs'
import { afterEach, expect, it, vi } from 'vitest'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { nextTurn } from '../../src/runtime/turns.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** Starts `calls` calls that take `callMs` each; returns how many were done in each turn of the event loop. */
async function callsByTurn(calls: number, callMs: number): Promise<number[]> {
  let nowMs = 0
  let done = 0
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
  vi.spyOn(fs, 'mkdirSync').mockImplementation(() => {
    done += 1
    nowMs += callMs
    return undefined
  })
  const made = Promise.all(Array.from({ length: calls }, (_, index) => nodeFileSystem.makeDirectory(`/${index}`)))
  const byTurn = [done]
  for (let before = done; done < calls; before = done) {
    await nextTurn()
    byTurn.push(done - before)
  }
  await made
  return byTurn
}

it('makes names one behind the other in a turn of the event loop, so many at most', async () => {
  const byTurn = await callsByTurn(300, 0)
  expect(Math.max(...byTurn)).toBeLessThanOrEqual(128)
  expect(byTurn.length).toBeLessThanOrEqual(5)
})

it('gives way to the sockets after a few milliseconds where the disk is slow', async () => {
  const byTurn = await callsByTurn(40, 2)
  expect(Math.max(...byTurn)).toBeLessThanOrEqual(3)
})

it('makes one name in a turn where each takes longer than that', async () => {
  const byTurn = await callsByTurn(5, 100)
  expect(Math.max(...byTurn)).toBe(1)
})

it('fails the call that fails, and no other', async () => {
  vi.spyOn(fs, 'mkdirSync').mockImplementation((path) => {
    if (path === '/1') throw new Error('no')
    return undefined
  })
  const made = ['/0', '/1', '/2'].map((path) => nodeFileSystem.makeDirectory(path))
  expect((await Promise.allSettled(made)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})
