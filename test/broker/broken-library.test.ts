/** A broker says what library is there and can't be loaded. */
import { expect, it, onTestFinished, vi } from 'vitest'
import { compress } from '../../protocol/records/index.ts'
import { startBroker } from '../../src/broker.ts'
import { recordingLogger } from '../runtime/recording-logger.ts'

vi.mock('../../protocol/records/native-module.ts', async (original) => ({
  ...(await original<object>()),
  optionalModule: (_name: string, broken: (reason: string) => void) => broken('file too short'),
}))

it('warns of a compiled zstd that is broken when zstd is first used', async () => {
  const builtin = process.getBuiltinModule
  const withoutZstd = (name: string) => (name === 'node:zlib' ? {} : builtin(name))
  const spy = vi.spyOn(process, 'getBuiltinModule').mockImplementation(withoutZstd as typeof builtin)
  onTestFinished(() => spy.mockRestore())
  const { logger, warnings } = recordingLogger()
  const broker = await startBroker({ port: 0, memory: true, logger })
  onTestFinished(() => broker.close())
  const told = (): string[] => warnings.filter((warning) => warning.includes('zstd'))
  expect(told()).toEqual([])
  compress('zstd', Buffer.from('text'))
  expect(told()).toEqual([
    "zstd-napi is installed, but can't be loaded (file too short): zstd is done by a slower WASM build",
  ])
})
