/** The keyboard layouts that the server offers. */

import { useQuery } from '@tanstack/react-query'

import * as api from '../api/client'

export const useKeyboards = () =>
  useQuery({ queryKey: ['keyboards'], queryFn: async () => (await api.keyboards()).layouts, staleTime: 3_600_000 })
