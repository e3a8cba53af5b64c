/**
 * protocol/records: loads the libraries behind checksums and codecs at their first use: a broker that never sees zstd never loads it,
 * and the first answer does not wait for any of them.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** `purpose` completes the sentence "X is needed for …". @throws Error that says what is missing and why. */
export function nativeModule<T>(name: string, purpose: string): T {
  try {
    return require(name) as T
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new Error(`${name} is needed for ${purpose}, but can't be loaded here (${reason}); install it again`, {
      cause,
    })
  }
}

/** The module, or undefined where it is not installed or was not built. */
export function optionalModule<T>(name: string): T | undefined {
  try {
    return require(name) as T
  } catch {
    return undefined // optional: the caller has another way, or says what is missing
  }
}

/** Whether the file `name` of a package is there; it is not loaded. */
export function isInstalled(name: string): boolean {
  try {
    require.resolve(name)
    return true
  } catch {
    return false // optional: as above
  }
}
