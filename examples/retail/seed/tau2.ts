// Reads the retail database of tau2-bench from a directory. Nothing of it is kept in this project.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { shopDataSchema } from '../shop/documents.ts'
import type { ShopData } from '../shop/documents.ts'

const FILE_BYTES_MAX = 64 * 1024 * 1024

export async function loadTau2(directory: string): Promise<ShopData> {
  const bytes = (await readPacked(directory)) ?? (await readIfThere(join(directory, 'db.json')))
  if (bytes === undefined) throw new Error(`${directory} has neither db.json.gz nor db.json`)
  const data: unknown = JSON.parse(bytes.toString('utf8'))
  return shopDataSchema.parse(data)
}

async function readPacked(directory: string): Promise<Buffer | undefined> {
  const packed = await readIfThere(join(directory, 'db.json.gz'))
  if (packed === undefined) return undefined
  return promisify(gunzip)(packed, { maxOutputLength: FILE_BYTES_MAX })
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
