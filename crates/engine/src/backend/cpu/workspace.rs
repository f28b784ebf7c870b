//! Buffers used again and again: fresh pages from the operating system cost more than the small
//! operations that fill them.

/// Buffers waiting to be used.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    free: Vec<Vec<f32>>,
}

impl Workspace {
    /// A buffer of that length. Its contents are leftovers: the caller overwrites all of it.
    pub(super) fn take(&mut self, length: usize) -> Vec<f32> {
        let fits = self.free.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= length);
        let smallest = fits.min_by_key(|(_, buffer)| buffer.capacity()).map(|(index, _)| index);
        let mut buffer = smallest.map_or_else(Vec::new, |index| self.free.swap_remove(index));
        buffer.resize(length, 0.0);
        buffer
    }

    /// A buffer of zeros.
    pub(super) fn take_zeroed(&mut self, length: usize) -> Vec<f32> {
        let mut buffer = self.take(length);
        buffer.fill(0.0);
        buffer
    }

    /// Gives a buffer back.
    pub(super) fn give(&mut self, buffer: Vec<f32>) {
        if buffer.capacity() > 0 {
            self.free.push(buffer);
        }
    }
}
