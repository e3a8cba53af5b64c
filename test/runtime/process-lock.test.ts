import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { acquireProcessLock } from '../../src/runtime/process-lock.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'odradek-lock-'))
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))

const module = fileURLToPath(new URL('../../src/runtime/process-lock.ts', import.meta.url))

/** Takes the lock in a process of its own; resolves when it has it. */
async function hold(lockPath: string): Promise<{ kill(): Promise<void> }> {
  const source = `
    const { acquireProcessLock } = await import(${JSON.stringify(module)})
    await acquireProcessLock(${JSON.stringify(lockPath)})
    process.stdout.write('held')
    setInterval(() => {}, 1000)
  `
  const tsx = fileURLToPath(import.meta.resolve('tsx'))
  const child = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve)
    child.once('exit', reject)
  })
  const kill = async (): Promise<void> => {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }
  return { kill }
}

describe('a process lock', () => {
  it('is held by another process until that is killed, and then taken without further ado', async () => {
    const lockPath = path.join(root, 'lock')
    const holder = await hold(lockPath)
    await expect(acquireProcessLock(lockPath)).rejects.toMatchObject({ code: 'ELOCKED' })
    await holder.kill()
    expect(fs.existsSync(lockPath)).toBe(true)
    const release = await acquireProcessLock(lockPath)
    await expect(acquireProcessLock(lockPath)).rejects.toMatchObject({ code: 'ELOCKED' })
    await release()
    expect(fs.readdirSync(root)).toEqual([])
  })

  it('goes to one of many that find it stale at the same time', async () => {
    const lockPath = path.join(root, 'stale')
    for (let round = 0; round < 5; round += 1) {
      fs.writeFileSync(lockPath, 'left by a crash')
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => acquireProcessLock(lockPath)))
      const held = outcomes.filter((outcome) => outcome.status === 'fulfilled')
      expect(held.length).toBe(1)
      await held[0]!.value()
    }
  })

  it('works where the path is longer than a socket address may be', async () => {
    const deep = path.join(root, 'd'.repeat(100), 'e'.repeat(100))
    fs.mkdirSync(deep, { recursive: true })
    const lockPath = path.join(deep, '.odradek.lock')
    const release = await acquireProcessLock(lockPath)
    await expect(acquireProcessLock(lockPath)).rejects.toMatchObject({ code: 'ELOCKED' })
    await release()
    await (await acquireProcessLock(lockPath))()
  })
})
