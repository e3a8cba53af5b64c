/**
 * protocol/records: loads the libraries behind checksums and codecs at their first use: a broker that never sees zstd never loads it,
 * and the first answer does not wait for any of them.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)

/** `purpose` completes the sentence "X is needed for …". @throws Error that says what is missing and why. */
export function nativeModule<T>(name: string, purpose: string): T {
  return neededFor(name, purpose, () => require(name) as T)
}

/** A module that lies beside the main one of `name` and that it does not export. @throws as `nativeModule` does. */
export function innerModule<T>(name: string, file: string, purpose: string): T {
  return neededFor(name, purpose, () => require(join(dirname(require.resolve(name)), file)) as T)
}

/** The bytes of a file that lies beside the main module of `name`. @throws as `nativeModule` does. */
export function innerFile(name: string, file: string, purpose: string): Buffer {
  return neededFor(name, purpose, () => readFileSync(join(dirname(require.resolve(name)), file)))
}

/** The module, or undefined where it is not installed or was not built. `broken` hears why one that is there can't be loaded. */
export function optionalModule<T>(name: string, broken: (reason: string) => void): T | undefined {
  try {
    return require(name) as T
  } catch (cause) {
    // Optional: the caller has another way.
    if ((cause as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') broken(reasonOf(cause))
    return undefined
  }
}

function neededFor<T>(name: string, purpose: string, load: () => T): T {
  try {
    return load()
  } catch (cause) {
    throw new Error(
      `${name} is needed for ${purpose}, but can't be loaded here (${reasonOf(cause)}); install it again`,
      { cause },
    )
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.split('\n')[0]! : String(cause)
}
