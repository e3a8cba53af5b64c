import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { javaKeyStore, javaTrustStore } from '../../../src/security/tls/java-stores.ts'
import { certificatesIn, chainFor, privateKeyIn } from '../../../src/security/tls/key-material.ts'
import { newAuthority } from '../certificates.ts'

const store = (name: string): Buffer => readFileSync(new URL(`../stores/${name}`, import.meta.url))
const password = 'store-secret'

describe('a key store that keytool has written', () => {
  it.each([
    ['rsa.jks', 'key-secret', 'rsa'],
    ['ec.jks', 'key-secret', 'ec'],
    ['rsa.p12', password, 'rsa'],
    ['ec.p12', password, 'ec'],
  ])('gives its key and certificate: %s', async (name, keyPassword, kind) => {
    const { key, certificateChain } = await javaKeyStore(store(name), password, keyPassword)
    const certificate = new X509Certificate(certificateChain[0]!)
    expect(certificate.subject).toContain(`CN=${kind}.example`)
    expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true)
    expect(createPrivateKey(key).asymmetricKeyType).toBe(kind)
  })

  it.each(['rsa.jks', 'rsa.p12'])('is refused with another password, which is not told: %s', async (name) => {
    const failure = await javaKeyStore(store(name), 'wrong-secret', 'wrong-secret').catch(
      (error: Error) => error.message,
    )
    expect(failure).toMatch(/^it can't be opened: /)
    expect(failure).not.toContain('wrong-secret')
  })

  it('is refused with another password for the key', async () => {
    await expect(javaKeyStore(store('rsa.jks'), password, 'wrong-secret')).rejects.toThrow("it can't be opened")
  })

  it('without a key is none', async () => {
    await expect(javaKeyStore(store('trust.p12'), password, password)).rejects.toThrow('no private key')
  })

  it('may hold anything at all', async () => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('feedfeed', 'hex'),
      store('rsa.p12').subarray(0, 700),
      Buffer.from('x'),
    ])
      await expect(javaKeyStore(bytes, password, password)).rejects.toThrow("it can't be opened")
  })
})

describe('a trust store that keytool has written', () => {
  it.each(['trust.jks', 'trust.p12'])('gives its certificates: %s', async (name) => {
    const subjects = (await javaTrustStore(store(name), password)).map((pem) => new X509Certificate(pem).subject)
    expect(subjects.join()).toContain('CN=rsa.example')
    expect(subjects.join()).toContain('CN=ec.example')
  })
})

describe('PEM', () => {
  const pair = (passphrase?: string) =>
    generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: {
        type: 'pkcs8',
        format: 'pem',
        ...(passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }),
      },
    }).privateKey

  it('may hold an encrypted key', () => {
    expect(privateKeyIn(pair('sesame'), 'sesame')).toContain('BEGIN PRIVATE KEY')
    expect(() => privateKeyIn(pair('sesame'), 'other')).toThrow('ssl.key.password does not open its private key')
    expect(() => privateKeyIn(pair('sesame'), null)).toThrow('ssl.key.password does not open its private key')
  })

  it('without a key, or without a certificate, is refused', () => {
    expect(() => privateKeyIn('nothing', null)).toThrow('no private key in PEM format')
    expect(() => certificatesIn(pair())).toThrow('no certificate in PEM format')
  })

  it('may be in one line, with spaces', async () => {
    const { certificate } = (await newAuthority()).identity
    expect(certificatesIn(certificate.replaceAll('\n', ' '))).toEqual([certificate.trimEnd()])
    expect(privateKeyIn(pair().replaceAll('\n', ' '), null)).toContain('BEGIN PRIVATE KEY')
  })

  it('puts a chain in order, whatever order it came in', async () => {
    const authority = await newAuthority()
    const { key, certificate } = await authority.issue({ name: 'broker' })
    const other = await authority.issue({ name: 'other' })
    const chain = chainFor(key, [authority.identity.certificate, other.certificate, certificate])
    expect(chain.map((pem) => new X509Certificate(pem).subject)).toEqual(['CN=broker', 'CN=Odradek development CA'])
    expect(() => chainFor(key, [other.certificate])).toThrow('none of its certificates is for its private key')
  })
})
