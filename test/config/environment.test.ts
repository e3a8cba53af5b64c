import { describe, expect, it } from 'vitest'
import { environmentToProperties } from '../../src/config/environment.ts'

describe('CLUSTER_ID', () => {
  it('is the id of a new cluster', () => {
    const properties = environmentToProperties({ CLUSTER_ID: '4L6g3nShT-eMCtK--X86sw' })
    expect([...properties]).toEqual([
      ['odradek.cluster.id', { variable: 'CLUSTER_ID', value: '4L6g3nShT-eMCtK--X86sw' }],
    ])
    expect(environmentToProperties({ CLUSTER_ID: '' }).size).toBe(0)
  })
})

describe('KAFKA_OPTS', () => {
  const loginFile = (options: string): string | undefined =>
    environmentToProperties({ KAFKA_OPTS: options }).get('java.security.auth.login.config')?.value

  it.each([
    ['-Djava.security.auth.login.config=/etc/kafka/jaas.conf', '/etc/kafka/jaas.conf'],
    ['-Xmx1g -Djava.security.auth.login.config=/a.conf -Djava.security.krb5.conf=/b.conf', '/a.conf'],
    ['-Djava.security.auth.login.config="/with space/a.conf"', '/with space/a.conf'],
    ['-Djava.security.auth.login.config==file:///a.conf', '/a.conf'],
    ['-Djava.security.auth.login.config=/a.conf -Djava.security.auth.login.config=/b.conf', '/b.conf'],
  ])('%s names a file of logins', (options, path) => {
    expect(loginFile(options)).toBe(path)
  })

  it('is no config otherwise', () => {
    expect(environmentToProperties({ KAFKA_OPTS: '-Dx.java.security.auth.login.config=/a.conf' }).size).toBe(0)
  })
})
